"""Django with the middleware of `startproject`, its forms, sessions and CSRF tokens."""

from django import forms
from django.contrib.auth.decorators import login_required, permission_required
from django.core.files.storage import default_storage
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from apps.pages.data import EXTRA, LABELS, MEMBER, PERMISSION, TOPICS, VISITS
from apps.pages.django_settings import Fortune, Member


class Feedback(forms.Form):
    name = forms.CharField(label=LABELS["name"], max_length=80)
    email = forms.EmailField(label=LABELS["email"])
    age = forms.IntegerField(label=LABELS["age"], min_value=18, max_value=120)
    topic = forms.ChoiceField(label=LABELS["topic"], choices=list(TOPICS.items()))
    message = forms.CharField(label=LABELS["message"], max_length=2000, widget=forms.Textarea)


def plaintext(request):
    return HttpResponse("Hello, World!", content_type="text/plain")


def stylesheet(request):
    return HttpResponse(static("app.css"), content_type="text/plain")


def start(request):
    request.session["member"] = MEMBER[0]
    request.session["visits"] = VISITS
    return HttpResponse("started", content_type="text/plain")


def fortunes(request):
    found = [*Fortune.objects.all(), Fortune(id=0, message=EXTRA)]
    found.sort(key=lambda each: each.message)
    return render(request, "fortunes.html", {"fortunes": found})


def feedback(request):
    member = Member.objects.get(id=request.session["member"])
    if request.method == "POST":
        form = Feedback(request.POST)
        if form.is_valid():
            return SeeOther(f"/thanks?age={form.cleaned_data['age'] + 1}")
    else:
        form = Feedback()
    return render(request, "form.html", {"form": form, "member": member, "visits": request.session["visits"]})


@login_required
@permission_required(PERMISSION, raise_exception=True)
def member(request):
    return render(request, "member.html")


class SeeOther(HttpResponseRedirect):
    status_code = 303


@csrf_exempt
def upload(request):
    file = request.FILES["file"]
    default_storage.save(file.name, file)
    return JsonResponse({"size": file.size})


urlpatterns = [
    path("plaintext", plaintext),
    path("stylesheet", stylesheet),
    path("start", start),
    path("fortunes", fortunes),
    path("form", feedback),
    path("member", member),
    path("accounts/", include("django.contrib.auth.urls")),
    path("upload", upload),
]
app = get_wsgi_application()
