"""Rendered faces with known landmarks. Needs the extra `starmark[synthetic]`; nothing else in Starmark imports this
package."""
