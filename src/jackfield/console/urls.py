"""The addresses of the console."""

from __future__ import annotations

from django.urls import path

from jackfield.console import views

urlpatterns = [
    path("", views.index),
    path("health", views.health),
    path("metrics", views.metrics),
]
