"""Bulk repair: one rule applied to the labels of many faces at once, planned first and carried out elsewhere.

Every repair is a frozen value with its settings, made of an audit (`core.audit`). Locked points are never touched.
Nothing here changes anything: `Repair.plan` says what would become of each label, and why.
"""
