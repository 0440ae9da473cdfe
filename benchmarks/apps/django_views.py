"""Django's own views: plain functions, `JsonResponse`, bodies validated by hand with Pydantic."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from pydantic import ValidationError

from apps.data import CHUNKS, ROUTES, ROWS, THINGS, totals
from apps.models import Order


def plaintext(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello, World!", content_type="text/plain")


def json(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"message": "Hello, World!"})


def item(request: HttpRequest, item_id: int) -> HttpResponse:
    return JsonResponse({"item_id": item_id, "q": request.GET.get("q")})


@csrf_exempt
def order(request: HttpRequest, item_id: int = 1) -> HttpResponse:
    try:
        new = Order.model_validate_json(request.body)
    except ValidationError as error:
        return HttpResponse(error.json(include_input=False), "application/json", 422)
    count, total = totals(new)
    return JsonResponse({"id": item_id, "count": count, "total": total})


def objects(request: HttpRequest) -> HttpResponse:
    return JsonResponse([vars(thing) for thing in THINGS], safe=False)


def rows(request: HttpRequest) -> HttpResponse:
    return JsonResponse(ROWS, safe=False)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter(CHUNKS), content_type="text/plain")


def every(number: int) -> Callable[[HttpRequest], HttpResponse]:
    """A resource's list: GET shows, POST creates."""

    def view(request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            return order(request)
        return JsonResponse({"item_id": number, "q": request.GET.get("q")})

    return csrf_exempt(view)


@csrf_exempt
def one(request: HttpRequest, item_id: int) -> HttpResponse:
    """A resource's one object: GET shows, PUT changes, DELETE removes."""
    if request.method == "PUT":
        return order(request, item_id)
    if request.method == "DELETE":
        return HttpResponse(status=204)
    return item(request, item_id)


urlpatterns: list[URLPattern] = [
    path("plaintext", plaintext),
    path("json", json),
    path("items/<int:item_id>", item),
    path("orders", order),
    path("objects", objects),
    path("rows", rows),
    path("stream", stream),
]
for number in range(ROUTES // 5):
    urlpatterns += [path(f"resource{number}", every(number)), path(f"resource{number}/<int:item_id>", one)]
