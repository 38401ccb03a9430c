"""The house: one package a concern, in layers that import-linter holds (docs/architecture.md)."""
