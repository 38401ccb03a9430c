"""The periodic tasks of django-celery-beat in unfold's clothes, as unfold's documentation has it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat import admin as beat
from django_celery_beat import models
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.core.admin.pages import SupportAdmin


class _TaskSelect(UnfoldAdminSelectWidget, beat.TaskSelectWidget):  # type: ignore[misc]
    """The names of the registered tasks."""


class _PeriodicTaskForm(beat.PeriodicTaskForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = _TaskSelect()


admin.site.unregister(
    (
        models.PeriodicTask,
        models.IntervalSchedule,
        models.CrontabSchedule,
        models.SolarSchedule,
        models.ClockedSchedule,
    )
)


@admin.register(models.PeriodicTask)
class PeriodicTaskAdmin(beat.PeriodicTaskAdmin, SupportAdmin):  # type: ignore[misc]
    """When beat starts which task. The library leaves its actions open to who may only look; here they are not."""

    form = _PeriodicTaskForm

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return dict(super().get_actions(request)) if self.has_change_permission(request) else {}


@admin.register(models.CrontabSchedule)
class CrontabScheduleAdmin(beat.CrontabScheduleAdmin, SupportAdmin):  # type: ignore[misc]
    """Times of a crontab."""

    search_fields = ()
    inlines = ()


@admin.register(models.ClockedSchedule)
class ClockedScheduleAdmin(beat.ClockedScheduleAdmin, SupportAdmin):  # type: ignore[misc]
    """Single moments."""

    search_fields = ()
    inlines = ()


@admin.register(models.IntervalSchedule, models.SolarSchedule)
class ScheduleAdmin(SupportAdmin):
    """Intervals and the sun's times."""

    search_fields = ()
