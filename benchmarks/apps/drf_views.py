"""Django REST framework: views by function, serializers in and out (https://www.django-rest-framework.org/tutorial/)."""

from collections.abc import Callable

from django.http import HttpResponseBase
from django.urls import URLPattern, path
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from apps.data import ROUTES, ROWS, THINGS
from apps.django_views import plaintext, stream


class CustomerSerializer(serializers.Serializer):
    name = serializers.CharField(min_length=1, max_length=100)
    email = serializers.CharField(max_length=200)


class AddressSerializer(serializers.Serializer):
    street = serializers.CharField()
    city = serializers.CharField()
    zip = serializers.CharField(max_length=10)


class ItemSerializer(serializers.Serializer):
    sku = serializers.CharField()
    quantity = serializers.IntegerField(min_value=1)
    price = serializers.FloatField(min_value=0)


class OrderSerializer(serializers.Serializer):
    customer = CustomerSerializer()
    address = AddressSerializer()
    items = ItemSerializer(many=True, allow_empty=False)


class ThingSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    price = serializers.FloatField()
    active = serializers.BooleanField()
    created = serializers.DateTimeField()
    tags = serializers.ListField(child=serializers.CharField())


@api_view(["GET"])
def json(request: Request) -> Response:
    return Response({"message": "Hello, World!"})


@api_view(["GET"])
def item(request: Request, item_id: int) -> Response:
    return Response({"item_id": item_id, "q": request.query_params.get("q")})


@api_view(["POST"])
def order(request: Request) -> Response:
    new = OrderSerializer(data=request.data)
    new.is_valid(raise_exception=True)
    lines = new.validated_data["items"]
    total = sum(line["quantity"] * line["price"] for line in lines)
    return Response({"id": 1, "count": sum(line["quantity"] for line in lines), "total": total})


@api_view(["GET"])
def objects(request: Request) -> Response:
    return Response(ThingSerializer(THINGS, many=True).data)


@api_view(["GET"])
def rows(request: Request) -> Response:
    return Response(ThingSerializer(ROWS, many=True).data)


def every(number: int) -> Callable[..., HttpResponseBase]:
    """A resource's list: GET shows, POST creates."""

    @api_view(["GET", "POST"])
    def view(request: Request) -> Response:
        if request.method == "POST":
            OrderSerializer(data=request.data).is_valid(raise_exception=True)
        return Response({"item_id": number, "q": request.query_params.get("q")})

    return view


@api_view(["GET", "PUT", "DELETE"])
def one(request: Request, item_id: int) -> Response:
    """A resource's one object."""
    if request.method == "PUT":
        OrderSerializer(data=request.data).is_valid(raise_exception=True)
    return Response({"item_id": item_id, "q": request.query_params.get("q")})


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
