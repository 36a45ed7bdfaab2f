"""Our errors on the gRPC wire: ``google.rpc.Status`` with ErrorInfo, BadRequest and RetryInfo. (HTTP: ``errors.problem``.)"""

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from bridge.errors import BridgeError, Overloaded

DOMAIN = "bridge"


def status_of(error: BridgeError) -> Status:
    """The error as a status: code, message, and the same facts as in a problem."""
    details: list[Message] = [ErrorInfo(reason=error.code, domain=DOMAIN)]
    if error.path is not None:
        violation = BadRequest.FieldViolation(field=error.path, description=error.reason)
        details.append(BadRequest(field_violations=[violation]))
    if isinstance(error, Overloaded):
        wait = Duration()
        wait.FromMilliseconds(int(error.after_s * 1000))
        details.append(RetryInfo(retry_delay=wait))
    return Status(code=Code.Value(error.grpc), message=str(error), details=[_packed(detail) for detail in details])


def _packed(message: Message) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed
