"""A request that is one DICOM file becomes the question in JSON that MLflow's server takes."""

import base64
import json

from mlflow.pyfunc.scoring_server import CONTENT_TYPES
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DICOM = "application/dicom"
# A mammogram of 150 megapixels, as many as dicom.max_megapixels lets pass, has 300 MB.
MOST_BYTES = 512 * 2**20


class DicomBody:
    """ASGI middleware before MLflow's scoring app: content types, sizes, and DICOM as it is."""

    def __init__(self, app: ASGIApp, *, most_bytes: int = MOST_BYTES) -> None:
        self._app, self._most_bytes = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a question on in JSON, or answer with 413 or 415 and what would be taken."""
        if scope["type"] != "http" or (scope["method"], scope["path"]) != ("POST", "/invocations"):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        given = request.headers.get("content-type", "")
        kind = given.partition(";")[0].strip().lower()
        if kind not in (DICOM, *CONTENT_TYPES):
            said = f"{DICOM} (one file) or {', '.join(CONTENT_TYPES)} (a column of files in base64)"
            refusal = PlainTextResponse(
                f"Content-Type is {given[:100]!r}; taken are {said}: docs/serving.md\n", 415
            )
            await refusal(scope, receive, send)
            return
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > self._most_bytes:
                mebibytes = self._most_bytes // 2**20
                refusal = PlainTextResponse(
                    f"The request is larger than {mebibytes} MiB. Ask for fewer files at once.\n",
                    413,
                )
                await refusal(scope, receive, send)
                return
        question = bytes(body)
        if kind == DICOM:
            question = json.dumps({"inputs": [base64.b64encode(body).decode()]}).encode()
            headers = MutableHeaders(scope=scope)
            headers["content-type"] = "application/json"
            headers["content-length"] = str(len(question))
        waiting: list[Message] = [{"type": "http.request", "body": question, "more_body": False}]

        async def asked() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, asked, send)
