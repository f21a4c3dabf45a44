"""The one table of actions: menus, tool bar, shortcuts, tooltips and the cheat sheet all come from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One row.

    Attributes:
        id: stable name.
        text: menu text, with a mnemonic.
        menu: title of the menu it belongs to; empty for none.
        shortcuts: portable key texts; the first is shown.
        icon: name in `app.icons`, or empty.
        tip: one sentence saying what it does.
        when: condition that must hold, one of `CONDITIONS`.
        checkable: whether it is a switch.
        toolbar: position group in the tool bar, 0 for none; groups are separated by a line.
        separator: whether a line goes above it in its menu.
        caption: text beside its icon in the tool bar; empty for the icon alone.
        on_canvas: whether its keys count only while the canvas has the keyboard.
        submenu: title of the menu within its menu; empty for none.
    """

    id: str
    text: str
    menu: str
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    tip: str = ""
    when: str = "always"
    checkable: bool = False
    toolbar: int = 0
    separator: bool = False
    caption: str = ""
    on_canvas: bool = False
    submenu: str = ""


CONDITIONS = frozenset(
    {
        "always", "project", "writable", "labels", "labelled", "image", "images", "face", "reviewable", "selection",
        "undo", "redo", "model", "working",
    }
)

_FILE, _EDIT, _POINTS, _VIEW, _GO = "&File", "&Edit", "&Points", "&View", "&Go"
_MODEL, _HELP = "&Model", "&Help"
_SELECT, _TURN, _SEEN, _LAYERS = "Select &points", "Turn and si&ze", "&Visibility", "&Layers"

TABLE: tuple[ActionSpec, ...] = (
    ActionSpec("new", "&New project", _FILE, ("Ctrl+N",), "new", "Start an empty project; the present one is kept."),
    ActionSpec("open_files", "&Open images…", _FILE, ("Ctrl+O",), "open-file", "Add photos to the project.", toolbar=1,
               caption="Images"),
    ActionSpec(
        "open_folder", "Open &folder…", _FILE, ("Ctrl+Shift+O",), "open-folder",
        "Add every photo of a folder and the folders in it, with labels where there are some.", toolbar=1,
        caption="Folder",
    ),
    ActionSpec(
        "import_data", "&Import labels…", _FILE, ("Ctrl+D",), "open-dataset",
        "Look at a data set in any of the field's formats, then take its photos and labels in.", toolbar=1,
        caption="Import",
    ),
    ActionSpec(
        "export_data", "&Export labels…", _FILE, ("Ctrl+E",), "export",
        "Write the project's labels in any of the field's formats, or what you corrected as a patch.", "labels",
    ),
    ActionSpec(
        "open_project", "Open &project…", _FILE, ("Ctrl+P",), "open-project", "Open a .starmark file.", toolbar=1,
        caption="Project",
        separator=True,
    ),
    ActionSpec(
        "save_as", "&Save project as…", _FILE, ("Ctrl+Shift+S",), "save-as",
        "Give the project a name and a place of your own. Edits are saved by themselves.", "project",
    ),
    ActionSpec(
        "backups", "&Backups…", _FILE, (), "", "Copies of the project from before, and the way back to one.",
        "project", separator=True,
    ),
    ActionSpec(
        "relink", "Re&link images…", _FILE, (), "",
        "Find images again that were moved or renamed, by name and by content.", "images",
    ),
    ActionSpec(
        "merge", "&Merge project…", _FILE, (), "",
        "Bring in what is new in another project; what differs is kept twice, for you to decide.", "writable",
    ),
    ActionSpec("conflicts", "&Conflicts…", _FILE, (), "", "Labels that differed in a merge, and the choice between "
               "them.", "images"),
    ActionSpec("quit", "&Quit", _FILE, ("Ctrl+Q",), "", "Close the window; everything is already saved.",
               separator=True),
    ActionSpec("undo", "&Undo", _EDIT, ("Ctrl+Z",), "undo", "Take back your last edit.", "undo", toolbar=2),
    ActionSpec("redo", "&Redo", _EDIT, ("Ctrl+Shift+Z", "Ctrl+Y"), "redo", "Do again what was undone.", "redo",
               toolbar=2),
    ActionSpec(
        "draw_box", "Draw a face &box", _EDIT, ("B",), "box",
        "Draw a box around a face that was not found; its landmarks are then predicted.", "image",
        checkable=True, toolbar=2, separator=True,
    ),
    ActionSpec("start_shape", "Start from the &mean shape", _EDIT, (), "",
               "Put a mean face into the box of a face that has no points yet.", "face"),
    ActionSpec("remove_face", "&Delete face", _EDIT, ("Ctrl+Del",), "", "Take the active face away; undo brings it "
               "back.", "face"),
    ActionSpec("blind", "Blind re-ann&otation…", _EDIT, (), "", "Label some faces again without seeing the first "
               "labels, to learn how sure your labels are.", "labelled"),
    ActionSpec("repair", "Bul&k repair…", _EDIT, (), "", "Put many labels right by one rule: swapped sides, offsets, "
               "spacing, suspects; every face is shown before it is changed.", "labels", separator=True),
    ActionSpec("author", "Your &name…", _EDIT, (), "", "Change the name that your corrections are kept under.",
               separator=True),
    ActionSpec(
        "settings", "&Settings…", _EDIT, ("Ctrl+,",), "settings", "Your name, appearance, device, model and keys.",
    ),
    ActionSpec("select_all", "Select &all points", _POINTS, ("Ctrl+A",), "", "Every point of the face.", "face",
               on_canvas=True, submenu=_SELECT),
    ActionSpec("select_region", "Select the cu&rve", _POINTS, ("R",), "",
               "The whole of every curve that a selected point is on; a double click on a point does it too.",
               "selection", submenu=_SELECT),
    ActionSpec("next_point", "Ne&xt point", _POINTS, ("Tab",), "", "By number, round the end.", "face",
               on_canvas=True, submenu=_SELECT),
    ActionSpec("previous_point", "Pre&vious point", _POINTS, ("Shift+Tab",), "", "By number, round the start.", "face",
               on_canvas=True, submenu=_SELECT),
    ActionSpec("goto_point", "&Go to point…", _POINTS, ("G",), "", "By its number or a part of its name.", "face",
               submenu=_SELECT),
    ActionSpec("soft", "S&oft drag", _POINTS, ("O",), "soft",
               "Neighbours along the curve follow a dragged point, less the further they are; the wheel says how many.",
               "image", True, 2, True),
    ActionSpec("slide", "Drag along the &curve", _POINTS, (), "slide",
               "Dragged and nudged points stay on their curve, between their neighbours. Holding Shift does it for "
               "one drag.", "image", True, 2),
    ActionSpec("keep_along", "Drag &along the ellipse", _POINTS, (), "",
               "Dragged and nudged points keep to the long axes of their ellipses. Holding Ctrl does it for one drag.",
               "image", True),
    ActionSpec("keep_across", "D&rag across the ellipse", _POINTS, (), "",
               "Dragged and nudged points keep to the short axes of their ellipses. Holding Ctrl+Shift does it for one "
               "drag.", "image", True),
    ActionSpec("place", "Place m&issing points", _POINTS, ("T",), "place",
               "One after another, each offered where it is to be expected: click, or Enter for the offered place.",
               "face", True, 2),
    ActionSpec("snap", "&Snap to prediction", _POINTS, ("S",), "",
               "The selected points go where the model sees them.", "face", separator=True),
    ActionSpec("snap_next", "Snap and go to the &next worst", _POINTS, ("X",), "",
               "As S, then W: with these two keys you go through a face, from the largest deviation on.", "face"),
    ActionSpec("snap_region", "Snap the curve to prediction", _POINTS, ("Shift+S",), "",
               "The whole curve of the selected points.", "face"),
    ActionSpec("snap_face", "Snap the &face to prediction", _POINTS, (), "", "All points of the face.", "face"),
    ActionSpec("snap_across", "Snap to the long a&xis", _POINTS, (), "",
               "Across the ellipse's long axis as the model says, along it as it is: where the model is sure, it wins.",
               "face"),
    ActionSpec("spread", "Spr&ead evenly", _POINTS, ("E",), "",
               "Even distances along the curve; the ends and locked points stay. Between two selected points, only "
               "what lies there.", "face", separator=True),
    ActionSpec("spread_like", "Spread as predicted", _POINTS, (), "",
               "Along your curve with the distances of the predicted one.", "face"),
    ActionSpec("smooth", "S&mooth the curve", _POINTS, ("Shift+E",), "",
               "Take dents out; the ends and locked points stay.", "face"),
    ActionSpec("mirror", "Mirror from the ot&her side", _POINTS, ("M",), "",
               "The selected points go where their partners say, about the face's own mid line.", "face",
               separator=True),
    ActionSpec("swap_sides", "S&wap left and right", _POINTS, (), "",
               "For a label that was made mirrored; the selected points, or the whole face.", "face"),
    ActionSpec("turn_left", "Turn left", _POINTS, (",",), "", "The selected points, by 2° about their middle.",
               "selection", submenu=_TURN),
    ActionSpec("turn_right", "Turn right", _POINTS, (".",), "", "The same, clockwise.", "selection", submenu=_TURN),
    ActionSpec("smaller", "Smaller", _POINTS, ("Ctrl+[",), "", "The selected points, by 2 % about their middle.",
               "selection", submenu=_TURN),
    ActionSpec("larger", "Larger", _POINTS, ("Ctrl+]",), "", "The same, outwards.", "selection", submenu=_TURN),
    ActionSpec("next_visibility", "&Visible, occluded, outside", _POINTS, ("V",), "",
               "The next of the three for the selected points.", "selection", separator=True, submenu=_SEEN),
    ActionSpec("see_visible", "Visible", _POINTS, ("Shift+V",), "", "The selected points can be seen.", "selection",
               submenu=_SEEN),
    ActionSpec("see_occluded", "Occluded", _POINTS, (), "", "Something hides the selected points.", "selection",
               submenu=_SEEN),
    ActionSpec("see_outside", "Outside the image", _POINTS, (), "", "The selected points lie beyond the picture.",
               "selection", submenu=_SEEN),
    ActionSpec("take_away", "&Delete points", _POINTS, ("Del",), "",
               "The selected points are missing; T places them again.", "selection", on_canvas=True),
    ActionSpec("lock", "&Lock", _POINTS, ("L",), "", "No move touches locked points; again unlocks them.", "selection",
               separator=True),
    ActionSpec("flag", "Fla&g for a second look", _POINTS, ("K",), "", "Set or take off the flag of the selected "
               "points.", "selection"),
    ActionSpec("previous", "&Previous image", _GO, ("Left", "A", "PgUp"), "previous",
               "Go to the image before.", "images",
               toolbar=3),
    ActionSpec("next", "&Next image", _GO, ("Right", "D", "PgDown"), "next", "Go to the image after.",
               "images", toolbar=3),
    ActionSpec(
        "accept_next", "&Accept and next", _GO, ("Return", "Enter"), "accept",
        "The active face is right: go on to the next one that nobody has reviewed.", "reviewable", toolbar=3,
        caption="Accept", separator=True,
    ),
    ActionSpec(
        "dispute_next", "&Dispute and next", _GO, ("Shift+Return", "Shift+Enter"), "dispute",
        "Put the active face in question for somebody else to look at, and go on.", "reviewable", toolbar=3,
    ),
    ActionSpec("accept", "Accept and s&tay", _GO, ("Ctrl+Return", "Ctrl+Enter"), "",
               "The active face is right; stay here.", "reviewable"),
    ActionSpec("next_undone", "Next fa&ce to do", _GO, ("U",), "",
               "Go to the next image with a face that nobody has reviewed.", "images"),
    ActionSpec("next_face", "Next &face", _GO, ("N",), "", "Make the next face of this image the active one.", "face",
               separator=True),
    ActionSpec("previous_face", "Pre&vious face", _GO, ("Shift+N",), "",
               "Make the face before of this image the active one.", "face"),
    ActionSpec("next_flag", "Next fla&gged point", _GO, ("]",), "",
               "Go to the next point that was flagged for a second look, in this image or another.", "images"),
    ActionSpec("previous_flag", "Previous f&lagged point", _GO, ("[",), "",
               "Go to the flagged point before, in this image or another.", "images"),
    ActionSpec("bookmark", "&Bookmark", _GO, ("Ctrl+B",), "bookmark",
               "Set a bookmark of yours on this image, or take it away.", "images", checkable=True, separator=True),
    ActionSpec("next_bookmark", "Next b&ookmark", _GO, ("Ctrl+Shift+B",), "",
               "Go to the next image of the list with a bookmark.", "images"),
    ActionSpec(
        "worst_point", "&Worst point of the face", _GO, ("W",), "worst",
        "Select the point whose label lies farthest from the prediction; again: the next after it.", "face", toolbar=3,
    ),
    ActionSpec("find", "Filter &images", _GO, ("Ctrl+F",), "", "Type a part of a file name; Tab leads to more filters.",
               "images", separator=True),
    ActionSpec("clear_filter", "S&how all images", _GO, ("Ctrl+Shift+F",), "", "Clear all filters of the list.",
               "images"),
    ActionSpec("next_pane", "Ne&xt pane", _GO, ("F6",), "",
               "Move the keyboard to the next panel: list, picture, docks.", separator=True),
    ActionSpec("previous_pane", "Previo&us pane", _GO, ("Shift+F6",), "", "Move the keyboard to the panel before."),
    ActionSpec("reset_pace", "&Measure the pace anew", _GO, (), "",
               "Forget how long the last faces took; the status bar then measures again.", "images", separator=True),
    ActionSpec("fit", "&Fit image", _VIEW, ("F", "0"), "fit", "Show the whole image.", "image", toolbar=4),
    ActionSpec("fit_face", "Fit fa&ce", _VIEW, ("Shift+F",), "fit-face", "Fill the view with the active face.", "face",
               toolbar=4),
    ActionSpec("fit_point", "&Zoom to point", _VIEW, ("Z",), "", "Look closely at the selected point.", "selection"),
    ActionSpec("fit_region", "Fit re&gion", _VIEW, ("Shift+Z",), "", "Fill the view with the selected point's region.",
               "selection"),
    ActionSpec("follow", "Follow the &selection", _VIEW, ("Y",), "", "Bring a newly selected point into sight if it is "
               "outside the view or too small to work on.", "always", True),
    ActionSpec("zoom_in", "Zoom &in", _VIEW, ("+", "="), "zoom-in", "Larger; the wheel zooms at the cursor.", "image"),
    ActionSpec("zoom_out", "Zoom &out", _VIEW, ("-",), "zoom-out", "Smaller.", "image"),
    ActionSpec("actual", "&Actual pixels", _VIEW, ("Ctrl+0",), "", "One image pixel on one screen pixel.", "image"),
    ActionSpec("loupe", "Lou&pe", _VIEW, ("Q",), "", "Hold to see what is under the cursor larger.", "image"),
    ActionSpec("loupe_drag", "Lo&upe while dragging", _VIEW, (), "",
               "Show the loupe beside each point that is dragged.", "always", True),
    ActionSpec("adjust", "Ad&just the photo…", _VIEW, ("I",), "",
               "Brightness, contrast, gamma, grey and negative of what is shown; files stay as they are.", "image"),
    ActionSpec("flicker", "Glance at the other s&tate", _VIEW, ("`",), "",
               "Hold to see what the face is compared with, such as its label when the image was opened.", "face"),
    ActionSpec("split_view", "Compare side b&y side", _VIEW, ("J",), "", "Two states of the face on either side of a "
               "divider; what they are is chosen in the View dock.", "face"),
    ActionSpec("points", "&Points", _VIEW, ("1",), "points", "Landmark marks.", "always", True, separator=True,
               submenu=_LAYERS),
    ActionSpec("numbers", "&Numbers", _VIEW, ("2",), "numbers", "Landmark indices.", "always", True, submenu=_LAYERS),
    ActionSpec("curves", "Region cur&ves", _VIEW, ("3",), "curves", "Lines along jaw, brows, eyes and the rest.",
               "always", True, submenu=_LAYERS),
    ActionSpec("ellipses", "&Ellipses", _VIEW, ("4",), "ellipses",
               "Where the model believes each point to be: 1, 2 and 3 standard deviations.", "always", True,
               submenu=_LAYERS),
    ActionSpec("labels", "&Labels", _VIEW, ("5",), "labels", "The labels of people (orange discs).", "always", True,
               submenu=_LAYERS),
    ActionSpec("predictions", "P&redictions", _VIEW, ("6",), "predictions", "What the model says (blue crosses).",
               "always", True, submenu=_LAYERS),
    ActionSpec("deviations", "&Deviations", _VIEW, ("7",), "deviations", "Arrows from each prediction to its label.",
               "always", True, submenu=_LAYERS),
    ActionSpec("split", "Split deviations alon&g and across", _VIEW, (), "split",
               "Each arrow as two: along the ellipse's long axis, where places are a matter of convention, and across.",
               "always", True, submenu=_LAYERS),
    ActionSpec("boxes", "Face bo&xes", _VIEW, ("8",), "boxes", "Frames around faces.", "always", True, submenu=_LAYERS),
    ActionSpec("heatmap", "&Heatmap of the point", _VIEW, ("H",), "heatmap",
               "The network's map of the selected point, laid over the photo.", "always", True, submenu=_LAYERS),
    ActionSpec("edges", "Edge m&ap of the region", _VIEW, ("Shift+H",), "edges", "Where the network sees the contour "
               "through the selected point, or all contours.", "always", True, submenu=_LAYERS),
    ActionSpec("names", "Point na&mes", _VIEW, ("9",), "names", "Names beside the points, where there is room.",
               "always", True, submenu=_LAYERS),
    ActionSpec("predict", "&Predict this image", _MODEL, ("P",), "predict",
               "Find the faces and landmarks of the image on screen.", "model"),
    ActionSpec("predict_all", "Predict &all images", _MODEL, ("Ctrl+Shift+P",), "predict-all",
               "Predict every image of the list in the background; the list then shows the worst labels.", "model",
               toolbar=5, caption="Predict all"),
    ActionSpec("cancel", "&Cancel", _MODEL, ("Ctrl+.",), "stop", "Stop the work that is going on; results so far stay.",
               "working"),
    ActionSpec("palette", "&Command palette", _HELP, ("Ctrl+K",), "",
               "Find any action, image or project by a few letters."),
    ActionSpec("cheat_sheet", "&Keys and tools", _HELP, ("F1",), "help", "All keys on one page."),
    ActionSpec("tour", "&Tour", _HELP, (), "", "Two minutes on the sample: an ambiguous label, a wrong one, and what "
               "to do about them."),
    ActionSpec("sample", "&Open the sample", _HELP, (), "", "Faces with the labels of two annotators, to try things "
               "on; what you did to them before is kept.", separator=True),
    ActionSpec("sample_afresh", "Start the sample a&fresh", _HELP, (), "", "Another copy of the sample as it was; the "
               "present one is kept."),
    ActionSpec("about", "&About Starmark", _HELP, (), "", "Versions and licences."),
)  # fmt: skip

MENUS = (_FILE, _EDIT, _POINTS, _GO, _VIEW, _MODEL, _HELP)
