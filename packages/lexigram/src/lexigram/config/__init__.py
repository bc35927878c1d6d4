"""Configuration, merged from environment, Python, files and defaults.

Per field: environment > explicitly set in Python > the profile's file > the file >
default. `application.yaml` is read from the current directory or where `LEX_CONFIG`
says, `application.{LEX_PROFILE}.yaml` beside it. `LEX_HTTP__POOL__TIMEOUT` is the
variable of `http: pool: timeout:`.
"""

from lexigram.config._problems import ConfigError, ConfigProblem
from lexigram.contracts.di import ConfigSection

__all__ = ["ConfigError", "ConfigProblem", "ConfigSection"]
