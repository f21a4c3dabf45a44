"""The tour of a first start, on the sample: what steps there are, what drives them, and what shows them."""
