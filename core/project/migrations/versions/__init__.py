"""One script a schema version; their order is `core.project.schema.REVISIONS`."""
