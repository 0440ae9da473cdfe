"""Django's ORM in plain views."""

import json

from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.urls import path

from apps.rows.django_models import Book, Entry, Fortune, World
from apps.rows.tables import EXTRA, WORLDS, twenty


def plain(world):
    return {"id": world.id, "randomnumber": world.randomnumber}


def plaintext(request):
    return HttpResponse("Hello, World!", content_type="text/plain")


def key(request, number):
    return JsonResponse(plain(World.objects.get(id=number)))


def keys(request, number):
    return JsonResponse([plain(World.objects.get(id=each)) for each in twenty(number)], safe=False)


def books(request):
    found = Book.objects.select_related("author").order_by("id")[:100]
    shown = [
        {"id": each.id, "title": each.title, "author": {"id": each.author.id, "name": each.author.name}}
        for each in found
    ]
    return JsonResponse(shown, safe=False)


def insert(request):
    number = json.loads(request.body)["randomnumber"]
    return JsonResponse(plain(Entry.objects.create(randomnumber=int(number))), status=201)


def updates(request, number):
    with transaction.atomic():
        found = [World.objects.get(id=each) for each in sorted(twenty(number))]
        for world in found:
            world.randomnumber = world.randomnumber % WORLDS + 1
        World.objects.bulk_update(found, ["randomnumber"])
    return JsonResponse([plain(each) for each in found], safe=False)


def fortunes(request):
    found = [*Fortune.objects.all(), Fortune(id=0, message=EXTRA)]
    found.sort(key=lambda each: each.message)
    return JsonResponse([{"id": each.id, "message": each.message} for each in found], safe=False)


urlpatterns = [
    path("plaintext", plaintext),
    path("key/<int:number>", key),
    path("keys/<int:number>", keys),
    path("books", books),
    path("entries", insert),
    path("updates/<int:number>", updates),
    path("fortunes", fortunes),
]
app = get_wsgi_application()
