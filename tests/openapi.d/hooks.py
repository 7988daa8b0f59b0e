"""What tests/openapi adds to schemathesis: the seed before each call, and a count of the answers."""

import atexit
import json
import os
import re
import sys
from pathlib import Path

import schemathesis

sys.path.insert(0, str(Path(__file__).parent))

import server  # noqa: E402

CALLER = os.environ["BERTH_OPENAPI_CALLER"]
# Answers to requests that have changed nothing.
REFUSED = {400, 404, 405}
# Answers to one whose password is not taken any more.
LOCKED_OUT = {401, 429}

berth = server.Server()
changed = False
counts = {}  # operation -> status -> how often


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for path, item in raw_schema["paths"].items():
        for method in item:
            counts[f"{method.upper()} {path}"] = {}


@schemathesis.hook
def before_add_examples(context, cases):
    """A token is made by its user, who is somebody else in the example; a deployment that has ended, as
    that of the example, is neither approved nor cancelled."""
    match context.operation.definition.raw["operationId"]:
        case "tokens_create":
            for case in cases:
                case.path_parameters["user"] = CALLER
        case "deployments_approve" | "deployments_cancel":
            for case in cases:
                case.path_parameters["deployment"] = str(server.WAITING)


@schemathesis.hook
def before_call(context, case, kwargs):
    global changed
    if changed:
        berth.restore()
        changed = False


@schemathesis.hook
def after_call(context, case, response):
    global changed
    status = response.status_code
    if case.meta.phase.name == "stateful":
        # A chain of calls is about what its calls have changed.
        changed = status in LOCKED_OUT
    else:
        changed = case.method.upper() not in {"GET", "HEAD"} and status not in REFUSED
    statuses = counts.setdefault(case.operation.label, {})
    if status < 300 and not any(seen < 300 for seen in statuses):
        # Once for each operation ignored_auth sends a wrong password now, and Berth counts those.
        changed = True
    statuses[status] = statuses.get(status, 0) + 1


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Cursors are ours to make: the document can not say which text is one, and 400 says it is none.
    JSON Schema calls 7.0 an integer, and serde does not. Nor can it say how long the repository in the
    name of an image may be. There is no engine here, so that what asks it is answered 503."""
    rejected = type(failure).__name__ == "RejectedPositiveData"
    if rejected and response.status_code == 400 and "cursor" in (case.query or {}):
        return False
    beyond_schema = r"floating point `-?\d+\.0`|a repository name has at most 255 bytes"
    if rejected and response.status_code == 400 and re.search(beyond_schema, response.text):
        return False
    asks_engine = case.operation.definition.raw["tags"][0] in {"deployments", "targets"}
    return not (asks_engine and response.status_code == 503)


@atexit.register
def write_counts():
    (server.WORK / "counts").write_text(json.dumps(counts))
