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


CONDITIONS = frozenset(
    {
        "always", "project", "writable", "labels", "image", "images", "face", "reviewable", "selection", "undo", "redo",
        "model", "working",
    }
)

_FILE, _EDIT, _VIEW, _GO, _MODEL, _HELP = "&File", "&Edit", "&View", "&Go", "&Model", "&Help"

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
        "relink", "&Relink images…", _FILE, (), "",
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
    ActionSpec("author", "Your &name…", _EDIT, (), "", "Change the name that your corrections are kept under.",
               separator=True),
    ActionSpec(
        "settings", "&Settings…", _EDIT, ("Ctrl+,",), "settings", "Your name, appearance, device, model and keys.",
    ),
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
    ActionSpec("next_undone", "Next face &to do", _GO, ("U",), "",
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
        "Select the point whose label lies farthest from the prediction.", "face", toolbar=3,
    ),
    ActionSpec("find", "Filter &images", _GO, ("Ctrl+F",), "", "Type a part of a file name; Tab leads to more filters.",
               "images", separator=True),
    ActionSpec("clear_filter", "Show all ima&ges", _GO, ("Ctrl+Shift+F",), "", "Clear all filters of the list.",
               "images"),
    ActionSpec("next_pane", "Next pa&ne", _GO, ("F6",), "",
               "Move the keyboard to the next panel: list, picture, docks.", separator=True),
    ActionSpec("previous_pane", "Previo&us pane", _GO, ("Shift+F6",), "", "Move the keyboard to the panel before."),
    ActionSpec("reset_pace", "Measure the pace ane&w", _GO, (), "",
               "Forget how long the last faces took; the status bar then measures again.", "images", separator=True),
    ActionSpec("fit", "&Fit image", _VIEW, ("F", "0"), "fit", "Show the whole image.", "image", toolbar=4),
    ActionSpec("fit_face", "Fit fa&ce", _VIEW, ("Shift+F",), "fit-face", "Fill the view with the active face.", "face",
               toolbar=4),
    ActionSpec("fit_point", "Zoom to poin&t", _VIEW, ("Z",), "", "Look closely at the selected point.", "selection"),
    ActionSpec("zoom_in", "Zoom &in", _VIEW, ("+", "="), "zoom-in", "Larger; the wheel zooms at the cursor.", "image"),
    ActionSpec("zoom_out", "Zoom &out", _VIEW, ("-",), "zoom-out", "Smaller.", "image"),
    ActionSpec("actual", "&Actual pixels", _VIEW, ("Ctrl+0",), "", "One image pixel on one screen pixel.", "image"),
    ActionSpec("points", "&Points", _VIEW, ("1",), "points", "Landmark marks.", "always", True, 5, True),
    ActionSpec("numbers", "&Numbers", _VIEW, ("2",), "numbers", "Landmark indices.", "always", True, 5),
    ActionSpec("curves", "Region cur&ves", _VIEW, ("3",), "curves", "Lines along jaw, brows, eyes and the rest.",
               "always", True, 5),
    ActionSpec("ellipses", "&Ellipses", _VIEW, ("4",), "ellipses",
               "Where the model believes each point to be: 1, 2 and 3 standard deviations.", "always", True, 5),
    ActionSpec("labels", "&Labels", _VIEW, ("5",), "labels", "The labels of people (orange discs).", "always", True, 5),
    ActionSpec("predictions", "P&redictions", _VIEW, ("6",), "predictions", "What the model says (blue crosses).",
               "always", True, 5),
    ActionSpec("deviations", "&Deviations", _VIEW, ("7",), "deviations", "Lines from each prediction to its label.",
               "always", True, 5),
    ActionSpec("boxes", "Face bo&xes", _VIEW, ("8",), "boxes", "Frames around faces.", "always", True, 5),
    ActionSpec("heatmap", "&Heatmap of the point", _VIEW, ("H",), "heatmap",
               "The network's map of the selected point, laid over the photo.", "always", True, 5),
    ActionSpec("predict", "&Predict this image", _MODEL, ("P",), "predict",
               "Find the faces and landmarks of the image on screen.", "model"),
    ActionSpec("predict_all", "Predict &all images", _MODEL, ("Ctrl+Shift+P",), "predict-all",
               "Predict every image of the list in the background; the list then shows the worst labels.", "model",
               toolbar=6, caption="Predict all"),
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

MENUS = (_FILE, _EDIT, _GO, _VIEW, _MODEL, _HELP)
