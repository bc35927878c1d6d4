"""What happens between a verb and the wire, by the same rules for every client.

The real client and every fake put their calls together from these parts, so that none
of them can disagree about a redirect, a judgement, an interceptor or a metric. For
authors of clients: a service needs `lexigram.contracts.web` alone, which does not import
this.
"""

from lexigram.contracts.web._call_options import basic_credentials, proxy_problem
from lexigram.contracts.web._content import close_chunks, content_of
from lexigram.contracts.web.calling._bodies import BodyLimits, BodyReader
from lexigram.contracts.web.calling._codings import accepted_codings
from lexigram.contracts.web.calling._deadline import AttemptTimer, Deadline
from lexigram.contracts.web.calling._defaults import (
    CONNECT_TIMEOUT,
    MAX_ERROR_BYTES,
    MAX_REDIRECTS,
    MAX_RESPONSE_BYTES,
    STREAM_IDLE_TIMEOUT,
    TIMEOUT,
)
from lexigram.contracts.web.calling._failures import timed_out, too_large
from lexigram.contracts.web.calling._interception import Interceptors, Send
from lexigram.contracts.web.calling._judgement import (
    IDEMPOTENT_METHODS,
    Judge,
    describe_call,
    judge,
    judge_by,
    retry_after,
    why_not_repeatable,
)
from lexigram.contracts.web.calling._open_bodies import (
    OpenBody,
    body_of,
    keep_one,
    leave_open,
    streamed,
)
from lexigram.contracts.web.calling._own_auth import with_own_auth
from lexigram.contracts.web.calling._policies import (
    Guard,
    Operation,
    compose_policies,
    guarded,
)
from lexigram.contracts.web.calling._redirects import follow_redirects, next_request
from lexigram.contracts.web.calling._telemetry import Telemetry
from lexigram.contracts.web.calling._timeline import Timeline
from lexigram.contracts.web.calling._uploads import Upload, with_length

__all__ = [
    "CONNECT_TIMEOUT",
    "IDEMPOTENT_METHODS",
    "MAX_ERROR_BYTES",
    "MAX_REDIRECTS",
    "MAX_RESPONSE_BYTES",
    "STREAM_IDLE_TIMEOUT",
    "TIMEOUT",
    "AttemptTimer",
    "BodyLimits",
    "BodyReader",
    "Deadline",
    "Guard",
    "Interceptors",
    "Judge",
    "OpenBody",
    "Operation",
    "Send",
    "Telemetry",
    "Timeline",
    "Upload",
    "accepted_codings",
    "basic_credentials",
    "body_of",
    "close_chunks",
    "compose_policies",
    "content_of",
    "describe_call",
    "follow_redirects",
    "guarded",
    "judge",
    "judge_by",
    "keep_one",
    "leave_open",
    "next_request",
    "proxy_problem",
    "retry_after",
    "streamed",
    "timed_out",
    "too_large",
    "why_not_repeatable",
    "with_length",
    "with_own_auth",
]
