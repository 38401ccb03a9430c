"""The order of the stages: webhook in, match, dispatch. The only app that knows them all."""
