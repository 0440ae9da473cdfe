"""Before Django's servers start: its tables, its accounts, and its static files collected."""

from django.core.management import call_command

import apps.pages.django_settings  # noqa: F401 - it is imported for what it sets
from apps.pages.data import PASSWORD, PERMISSION, PERSON, READER

call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)

from django.contrib.auth.models import Group, Permission, User  # noqa: E402 - they need the settings
from django.contrib.contenttypes.models import ContentType  # noqa: E402

User.objects.all().delete()
person, _ = (User.objects.create_user(email, email, PASSWORD, first_name=name) for email, name in (PERSON, READER))
label, codename = PERMISSION.split(".")
kind, _ = ContentType.objects.get_or_create(app_label=label, model="member")
permission, _ = Permission.objects.get_or_create(content_type=kind, codename=codename, name="May publish")
group, _ = Group.objects.get_or_create(name="editors")
group.permissions.add(permission)
person.groups.add(group)
