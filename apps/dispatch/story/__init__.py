"""The story of an event: what befell it on its way to each destination, told for the person whose sale it is."""

from apps.dispatch.story.lines import Line
from apps.dispatch.story.loading import load_for_story, tell_story

__all__ = ["Line", "load_for_story", "tell_story"]
