"""A user's own gRPC client: stubs generated from the published protos, nothing of bridge. Prints JSON for its test."""

import json
import sys

stubs, address, bus = sys.argv[1:]
sys.path.insert(0, stubs)

import grpc  # noqa: E402
from bridge.v1 import events_pb2, events_pb2_grpc, resources_pb2, resources_pb2_grpc  # noqa: E402
from cloudevents.v1.cloudevents_pb2 import CloudEvent  # noqa: E402
from google.protobuf.timestamp_pb2 import Timestamp  # noqa: E402
from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: E402
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc  # noqa: E402

Value = CloudEvent.CloudEventAttributeValue


def event(number: int) -> CloudEvent:
    made = CloudEvent(id=str(number), source="/junction/7", spec_version="1.0", type="light.changed")
    made.attributes["subject"].CopyFrom(Value(ce_string=f"light-{number}"))
    made.attributes["time"].CopyFrom(Value(ce_timestamp=Timestamp(seconds=1_800_000_000, nanos=123_456_789)))
    made.attributes["dataschema"].CopyFrom(Value(ce_uri="https://schemas.example/light"))
    made.attributes["lanes"].CopyFrom(Value(ce_integer=-3))
    made.attributes["night"].CopyFrom(Value(ce_boolean=True))
    made.attributes["token"].CopyFrom(Value(ce_bytes=b"\x00\xff"))
    made.attributes["datacontenttype"].CopyFrom(Value(ce_string="application/json"))
    made.binary_data = b'{ "number": %d }' % number
    return made


def results(response: events_pb2.PutEventsResponse) -> list:
    return [
        {"id": r.id, "offset": r.position.offset}
        if r.WhichOneof("result") == "position"
        else {"id": r.id, "code": r.error.code, "path": r.error.path}
        for r in response.results
    ]


with grpc.insecure_channel(address) as channel:
    found = {}
    resources = resources_pb2_grpc.ResourcesStub(channel)
    wanted = resources_pb2.Resource(kind="Bus", name=bus)
    wanted.spec.update({"partitions": 1})
    applied = resources.Apply(resources_pb2.ApplyRequest(resources=[wanted]))
    found["applied"] = [applied.results[0].action, applied.results[0].resource.revision]

    events = events_pb2_grpc.EventsStub(channel)
    bad = event(99)
    bad.spec_version = "0.3"
    found["put"] = results(events.PutEvents(events_pb2.PutEventsRequest(bus=bus, events=[event(0), bad, event(1)])))
    requests = (events_pb2.PutEventsRequest(bus=bus, events=[event(n), event(n + 1)]) for n in (2, 4, 6))
    found["stream"] = [results(response) for response in events.StreamEvents(requests)]
    try:
        events.PutEvents(events_pb2.PutEventsRequest(bus="nowhere", events=[event(0)]))
    except grpc.RpcError as error:
        found["unknown"] = error.code().name

    start = events_pb2.SubscribeRequest.Start(
        bus=bus, edge=events_pb2.EARLIEST, cursor="audit", pattern='{"id":[{"anything-but":"1"}]}'
    )
    received = []
    acknowledge = events_pb2.SubscribeRequest.Acknowledge

    def talk():
        yield events_pb2.SubscribeRequest(start=start)
        while True:
            while not to_acknowledge:
                done.wait(0.01)
                if done.is_set():
                    return
            yield events_pb2.SubscribeRequest(acknowledge=acknowledge(positions=[to_acknowledge.pop()]))

    import threading

    to_acknowledge, done = [], threading.Event()
    call = events.Subscribe(talk())
    for response in call:
        received += response.deliveries
        if len(received) >= 7:
            break
    to_acknowledge.append(received[4].position)
    import time

    time.sleep(0.5)
    done.set()
    call.cancel()
    found["subscribed"] = [d.event.id for d in received]
    found["unaltered"] = received[0].event == event(0)
    time.sleep(0.2)
    call = events.Subscribe(iter([events_pb2.SubscribeRequest(start=start)]))
    found["resumed"] = []
    for response in call:  # as many as there are by now, in one answer or in two
        found["resumed"] += [d.event.id for d in response.deliveries]
        if len(found["resumed"]) >= 2:
            break
    call.cancel()

    health = health_pb2_grpc.HealthStub(channel)
    found["health"] = health.Check(health_pb2.HealthCheckRequest(service="bridge.v1.Events")).status
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    answer = next(reflection.ServerReflectionInfo(asked))
    found["services"] = sorted(service.name for service in answer.list_services_response.service)
json.dump(found, sys.stdout)
