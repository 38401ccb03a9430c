"""Dead letters: what stands still in each queue until a person decides, and how it is sent again."""
