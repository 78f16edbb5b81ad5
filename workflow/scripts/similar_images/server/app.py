"""The application that answers all requests."""

from http import HTTPStatus
from typing import cast

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from .. import __version__
from ..answers.catalogue import UnknownImageError
from ..core.errors import ConflictError, InputError, UserError
from .desk import Desk
from .routes import problems, router
from .security import Guard, refused
from .service import Service
from .uploads import LIMITS, LimitedBodies, Limits


def application(
    service: Service,
    host: str,
    port: int,
    token: str | None,
    at_once: int,
    limits: Limits = LIMITS,
) -> ASGIApp:
    """Return what answers the requests.

    Args:
        service: does what they ask.
        host: that the server was started with.
        port: of the server.
        token: that requests need; None if they need none.
        at_once: how many questions are answered at once.
        limits: of requests.
    """
    app = FastAPI(
        title="Similar Image Finder",
        version=__version__,
        docs_url=None,  # it would load scripts from another host
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        dependencies=[Depends(HTTPBearer(auto_error=False))] if token else [],
        responses=problems(HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE),
        exception_handlers={
            **dict.fromkeys(STATUSES, _explain),
            RequestValidationError: _explain_values,
            Exception: _apologise,
        },
    )
    app.state.service = service
    app.state.desk = Desk(at_once, limits.questions)
    app.state.limits = limits
    app.include_router(router)
    return Guard(LimitedBodies(app, limits), host, port, token)


async def _explain(request: Request, error: Exception) -> JSONResponse:
    """Return the text of a `UserError`."""
    service = cast(Service, request.app.state.service)
    status = next(status for kind, status in STATUSES.items() if isinstance(error, kind))
    # It may wait for a search.
    return refused(status, await run_in_threadpool(service.without_folders, str(error)))


async def _explain_values(request: Request, error: Exception) -> JSONResponse:
    """Return in one sentence what FastAPI found wrong with the values of a request."""
    faults = [
        ": ".join(filter(None, (".".join(map(str, fault["loc"][1:])), fault["msg"])))
        for fault in cast(RequestValidationError, error).errors()
    ]
    return refused(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"{'; '.join(faults[:MOST_LISTED])}. /openapi.json describes what is allowed.",
    )


async def _apologise(request: Request, error: Exception) -> JSONResponse:
    """Return no more than that there is an error; the server's console has its traceback."""
    return refused(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Unexpected error: the console of the server has more. Please report it.",
    )


# Of answers to what a person can correct. Only the last is cured by waiting.
STATUSES: dict[type[Exception], HTTPStatus] = {
    UnknownImageError: HTTPStatus.NOT_FOUND,
    InputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConflictError: HTTPStatus.CONFLICT,
    UserError: HTTPStatus.SERVICE_UNAVAILABLE,
}
# Further faults are left out.
MOST_LISTED = 5
