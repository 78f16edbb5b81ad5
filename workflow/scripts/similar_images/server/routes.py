"""The addresses of the server, and what each answers; /openapi.json has their docstrings."""

from functools import partial
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import AfterValidator, ValidationError

from ..core.names import normal_form
from ..images import thumbnails
from . import models, page, pending, reports, uploads
from .desk import Desk
from .security import POLICY, page_policy
from .service import Service
from .uploads import Photo

MOST_NEIGHBOURS = 50
router = APIRouter()


async def _desk(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


async def _service(request: Request) -> Service:
    return cast(Service, request.app.state.service)


async def _photos(request: Request) -> list[Photo]:
    return await uploads.received(request, request.app.state.limits)


def label_of(given: str | None) -> str | None:
    """Return the class that is `given`, or None for all."""
    return normal_form(given) if given else None


Turns = Annotated[Desk, Depends(_desk)]
Serving = Annotated[Service, Depends(_service)]
Count = Annotated[int, Query(ge=1, le=MOST_NEIGHBOURS, description="how many are listed")]
Label = Annotated[
    str | None,
    Query(description="the class of the neighbours to list"),
    AfterValidator(label_of),
]
Name = Annotated[str, Path(pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$")]


def problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of answers with these statuses, which only say why."""
    return {int(status): {"model": models.Problem} for status in statuses}


def _of_photos() -> dict[str, Any]:
    """Return the description of a request with photos."""
    file = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "properties": {uploads.FIELD: {"type": "array", "items": file}},
        "required": [uploads.FIELD],
    }
    kinds = {uploads.MULTIPART: form, uploads.BINARY: file, f"{uploads.IMAGE}*": file}
    content = {kind: {"schema": schema} for kind, schema in kinds.items()}
    return {"requestBody": {"required": True, "content": content}}


def _of_decisions() -> dict[str, Any]:
    """Return the description of a request with decisions."""
    schema = models.NewDecisions.model_json_schema(ref_template="#/components/schemas/{model}")
    del schema["$defs"]  # the answer to GET /decisions has the same
    return {"requestBody": {"required": True, "content": {uploads.JSON: {"schema": schema}}}}


async def _check_project(
    service: Serving,
    project: Annotated[
        str | None, Header(description="`project` in GET /catalogue; others are refused")
    ] = None,
) -> None:
    """Check that a page is of this project: another one may have had this address before.

    Raises:
        HTTPException: it is not.
    """
    if project not in (None, service.project):
        raise HTTPException(
            HTTPStatus.CONFLICT,
            "This page belongs to another project, which this address had before. Nothing was "
            "saved. Reload it.",
        )


_OF_UPLOADS = problems(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)


# Of what changes the project.
_SAVING: dict[str, Any] = {
    "responses": _OF_UPLOADS | problems(HTTPStatus.CONFLICT),
    "dependencies": [Depends(_check_project)],
}


@router.get("/", include_in_schema=False)
def ask_page(service: Serving) -> HTMLResponse:
    """Return the page that asks about photos."""
    html = page.render(service.overview(), service.applied())
    return HTMLResponse(html, headers={POLICY: page_policy()})


@router.get("/favicon.ico", include_in_schema=False)
async def icon() -> Response:
    """Return no icon: browsers ask for one, and would report an error."""
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/catalogue", response_model=models.Overview)
def catalogue(service: Serving) -> Any:
    """What there is to ask, and whether a run is needed."""
    return service.overview()


@router.post(
    "/ask", response_model=models.Answers, openapi_extra=_of_photos(), responses=_OF_UPLOADS
)
async def ask(
    request: Request, desk: Turns, service: Serving, neighbours: Count = 3, label: Label = None
) -> Any:
    """What photos show, and what is most like each.

    Photos are files in the form field `photo`; one photo may also be the body of the request. A
    photo that cannot be read has an `error` in its answer.
    """
    with desk.place():
        photos = await _photos(request)
        return {"answers": await desk.run(partial(service.ask, photos, neighbours, label))}


@router.get("/similar", response_model=models.Neighbours, responses=problems(HTTPStatus.NOT_FOUND))
async def similar_to(
    image: Annotated[str, Query(description="path in the catalogue")],
    desk: Turns,
    service: Serving,
    neighbours: Count = 10,
    label: Label = None,
) -> Any:
    """What is most similar to an image of the catalogue."""
    with desk.place():
        near = await desk.run(partial(service.catalogue.similar_to, image, neighbours, label=label))
    return {"neighbours": [one.as_json() for one in near]}


@router.get(
    "/pictures/{content_id}.jpg",
    response_class=Response,
    responses=problems(HTTPStatus.NOT_FOUND) | {200: {"content": {"image/jpeg": {}}}},
)
async def picture(
    content_id: Annotated[str, Path(pattern="^[0-9a-f]{64}$")], desk: Turns, service: Serving
) -> Response:
    """Return a small JPEG of an image of the catalogue."""
    side = thumbnails.SIDE
    small = await desk.run(partial(service.catalogue.picture, content_id, side))
    if small is None:
        raise HTTPException(
            HTTPStatus.NOT_FOUND,
            "The catalogue has no such photo, or its file cannot be read any more.",
        )
    # A content never changes.
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(small, media_type="image/jpeg", headers=headers)


@router.get("/decisions", response_model=models.Decisions, responses=problems(HTTPStatus.CONFLICT))
def decisions(service: Serving) -> Any:
    """The decisions in the project's files."""
    return {"decisions": service.decisions()}


@router.post(
    "/decisions",
    response_model=models.Saved,
    openapi_extra=_of_decisions(),
    **_SAVING,
)
async def decide(request: Request, desk: Turns, service: Serving) -> Any:
    """Add decisions to the project's file: all, or none if one is faulty."""
    with desk.place():
        data = await uploads.decisions(request, request.app.state.limits)
        return await desk.run(partial(_save, service, data))


@router.post(
    "/inbox",
    response_model=models.Kept,
    openapi_extra=_of_photos(),
    **_SAVING,
)
async def keep(request: Request, desk: Turns, service: Serving) -> Any:
    """Keep a photo in the folder of the inbox, a query set."""
    with desk.place():
        folder = await desk.run(service.inbox)
        if folder is None:
            raise HTTPException(
                HTTPStatus.CONFLICT,
                "No folder for photos to keep is named. Start the server with --inbox and the name "
                "of a query set that is a folder.",
            )
        photos = await _photos(request)
        if len(photos) > 1:
            raise HTTPException(
                HTTPStatus.BAD_REQUEST, f"There are {len(photos)} photos; allowed: one."
            )
        return await desk.run(partial(service.keep, folder, photos[0]))


@router.get("/reports/{name}/report.html", include_in_schema=False)
def report(name: Name, service: Serving) -> HTMLResponse:
    """Return the report of a collection."""
    content = reports.page(service.results, name, service.project)
    if content is None:
        raise HTTPException(
            HTTPStatus.NOT_FOUND, f"There is no report on {name}. To make it: {pending.COMMAND}"
        )
    return HTMLResponse(content, headers={POLICY: page_policy()})


@router.get("/reports/catalogue/map.html", include_in_schema=False)
def catalogue_map(service: Serving) -> HTMLResponse:
    """Return the map of the catalogue."""
    content = reports.page(service.results, "catalogue", service.project, reports.MAP)
    if content is None:
        raise HTTPException(
            HTTPStatus.NOT_FOUND,
            "There is no map of the catalogue. To make it: snakemake --cores 8 map",
        )
    return HTMLResponse(content, headers={POLICY: page_policy()})


@router.get("/reports/{name}/report_files/{path:path}", include_in_schema=False)
def report_file(name: Name, path: str, service: Serving) -> FileResponse:
    """Return a picture of a report."""
    return _picture(service, f"{name}/{reports.FILES}", path)


@router.get("/reports/catalogue/map_files/{path:path}", include_in_schema=False)
def map_file(path: str, service: Serving) -> FileResponse:
    """Return a picture of the map."""
    return _picture(service, f"catalogue/{reports.MAP_FILES}", path)


def _picture(service: Service, folder: str, path: str) -> FileResponse:
    """Return the picture at `path` in a folder of the results.

    Raises:
        HTTPException: there is none.
    """
    kind = reports.TYPES.get(PurePosixPath(path).suffix)
    found = kind and reports.file_in(service.results / folder, path)
    if not found:
        raise HTTPException(HTTPStatus.NOT_FOUND, "The page has no such picture.")
    # It is named by its content.
    return FileResponse(found, media_type=kind, headers={"Cache-Control": "private, max-age=86400"})


def _save(service: Service, data: bytes) -> dict[str, Any]:
    """Save decisions that were sent as JSON: see `models.Saved`.

    Raises:
        RequestValidationError: they are no decisions.
        UserError: see `Service.save`.
    """
    try:
        given = models.NewDecisions.model_validate_json(data)
    except ValidationError as error:
        faults = [fault | {"loc": ("body", *fault["loc"])} for fault in error.errors()]
        raise RequestValidationError(faults) from error
    service.save([row.model_dump() for row in given.decisions])
    return {"file": service.decisions_name, "saved": len(given.decisions), "run": pending.COMMAND}
