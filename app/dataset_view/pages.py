"""The pages of the data-set window, in order. Importing this loads the charts."""

from __future__ import annotations

from app.dataset_view.curves_page import CurvesPage
from app.dataset_view.distributions_page import DistributionsPage
from app.dataset_view.map_page import MapPage
from app.dataset_view.scatter_page import ScatterPage
from app.dataset_view.sources_page import SourcesPage
from app.texts import tr_later

PAGES = (
    (tr_later("&Map"), tr_later("Where labels are ambiguous: ellipses, numbers and worst faces of landmarks"), MapPage),
    (tr_later("&Scatter"), tr_later("The labels of one landmark, along and across its contour"), ScatterPage),
    (tr_later("S&ources"), tr_later("Whether folders, tags or label sets have habits of their own"), SourcesPage),
    (tr_later("&Distributions"), tr_later("How far labels lie from where they are expected"), DistributionsPage),
    (tr_later("&Curves"), tr_later("Error curves of labels before and after corrections, or of sets"), CurvesPage),
)
"""(title, tip, page)."""
