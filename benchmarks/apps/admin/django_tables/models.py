"""The tables of `data` as Django's models; who made them is `data`."""

from django.db import models


class Named(models.Model):
    name = models.CharField(max_length=80)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Category(Named):
    class Meta:
        managed = False
        db_table = "category"


class Brand(Named):
    class Meta:
        managed = False
        db_table = "brand"


class Supplier(Named):
    class Meta:
        managed = False
        db_table = "supplier"


class Country(Named):
    class Meta:
        managed = False
        db_table = "country"


class Owner(Named):
    class Meta:
        managed = False
        db_table = "owner"


class Part(models.Model):
    item = models.ForeignKey("Item", models.CASCADE)
    sku = models.CharField(max_length=40)
    title = models.CharField(max_length=80)
    pieces = models.IntegerField()

    class Meta:
        managed = False
        db_table = "part"

    def __str__(self) -> str:
        return self.title


class Item(models.Model):
    title = models.CharField(max_length=200)
    sku = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=[(each, each) for each in ("new", "open", "held", "done")])
    cents = models.IntegerField()
    added = models.DateField()
    category = models.ForeignKey(Category, models.CASCADE)
    brand = models.ForeignKey(Brand, models.CASCADE)
    supplier = models.ForeignKey(Supplier, models.CASCADE)
    country = models.ForeignKey(Country, models.CASCADE)
    owner = models.ForeignKey(Owner, models.CASCADE)

    class Meta:
        managed = False
        db_table = "item"

    def __str__(self) -> str:
        return self.title
