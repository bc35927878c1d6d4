"""Configuration, merged from environment, Python, files and defaults.

Per field: environment > explicitly set in Python > the profile's file > the file >
default. `application.yaml` is read from the current directory or where `LEX_CONFIG`
says, `application.{LEX_PROFILE}.yaml` beside it. `LEX_HTTP__POOL__TIMEOUT` is the
variable of `http: pool: timeout:`, and `LEX_HTTP__POOL__TIMEOUT_FILE` names a file that
holds its value. What is in force, and where it came from, is said by
`app.config.explain("http")`.
"""

from lexigram.config._configuration import Configuration, UnknownKeyError
from lexigram.config._explanation import Explanation, Setting
from lexigram.config._problems import ConfigError, ConfigProblem
from lexigram.contracts.di import ConfigSection

__all__ = [
    "ConfigError",
    "ConfigProblem",
    "ConfigSection",
    "Configuration",
    "Explanation",
    "Setting",
    "UnknownKeyError",
]
