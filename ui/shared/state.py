"""Every key of the session state and of the address, in one place."""

from enum import StrEnum


class Key(StrEnum):
    """Names under which the pages keep what the user chose; widgets of one crop add ``-<crop_id>``."""

    # Review
    RUN = "run"
    RUN_SEEN = "run_seen"
    SPECIES = "species"
    CAMERA = "camera"
    GUESS = "guess"
    SHOW_GUESSES = "show_guesses"
    SHOW = "show"
    FLAGGED_ONLY = "flagged_only"
    SHOWN_SINCE = "shown_since"
    ORDER = "order"
    DAYS = "days"
    SCORE_RANGE = "score_range"
    P_VALUE_FROM = "p_value_from"
    P_VALUE_TO = "p_value_to"
    DECIDED_AS = "decided_as"
    DECIDED_BY = "decided_by"
    WITH_PEOPLE = "with_people"
    ONLY_APART = "only_apart"
    MORE_FILTERS = "more_filters"
    SELECTION = "selection"
    SELECTION_IN_ADDRESS = "selection_in_address"
    IN_ADDRESS = "in_address"
    RATE = "rate"
    SELECTION_ARRIVED = "selection_arrived"
    BOARD = "board"
    REVIEWER = "reviewer"
    REVIEWER_EDIT = "reviewer_edit"
    REVIEWER_ACCOUNT = "reviewer_account"
    REVIEWER_COOKIE = "reviewer_cookie"
    TEAM_EMAIL = "team_email"
    TEAM_ROLE = "team_role"
    CSV_OPEN = "csv_open"
    CSV_SCOPE = "csv_scope"
    NOTICE = "notice"

    # What forms hold, found again after a reload
    FORM = "form"
    FORM_FIRST = "form_first"

    # What was started last, from whichever form
    STARTED = "started"
    STARTED_AT = "started_at"
    # The work whose panel the page has to bring into view
    INTO_VIEW = "into_view"

    # Groups
    GROUPS_BOARD = "groups_board"
    GROUPS_WATCHED = "groups_watched"
    GROUPS_LEARNING = "groups_learning"

    # Suggestions
    SUGGESTIONS_WATCHED = "suggestions_watched"
    SUGGESTIONS_PAIRS = "suggestions_pairs"
    SUGGESTIONS_OPEN = "suggestions_open"

    # Evaluate
    EVALUATED_RUN = "evaluated"
    COMPARED_RUN = "compared"
    TRUTH_PATH = "truth_path"
    TRUTH_SPLIT = "truth_split"
    KNOWN_SPECIES = "known_species"
    EVALUATE_WHAT = "evaluate_what"
    COMPARE_ENCODERS = "compare_encoders"
    COMPARE_ONE_CLASS = "compare_one_class"
    COMPARE_NAME = "compare_name"
    COMPARISON_WATCHED = "comparison_watched"

    # Reviewers
    REVIEWERS_PART = "reviewers_part"
    SECOND_SHARE = "second_share"
    SECOND_LAST = "second_last"

    # Export
    EXPORT_FORMAT = "export_format"
    EXPORT_MADE = "export_made"
    EXPORT_PICTURES = "export_pictures"
    EXPORT_VERDICTS = "export_verdicts"
    EXPORT_SPECIES = "export_species"
    EXPORT_CAMERAS = "export_cameras"
    EXPORT_REVIEWERS = "export_reviewers"
    EXPORT_DAYS = "export_days"
    EXPORT_SELECTION = "export_selection"
    EXPORT_FLAGGED = "export_flagged"
    EXPORT_EVENTS = "export_events"
    EXPORT_PEOPLE = "export_people"
    EXPORT_PLACES = "export_places"
    EXPORT_NAMES = "export_names"
    EXPORT_ZONE = "export_zone"
    EXPORT_TITLE = "export_title"
    EXPORT_CONTRIBUTOR = "export_contributor"
    EXPORT_DESIGN = "export_design"
    PEOPLE_CLASSES = "people_classes"

    # Scenes
    SCENES_MODEL = "scenes_model"
    SCENES_RATE = "scenes_rate"
    SCENES_KIND = "scenes_kind"
    SCENES_CLASS = "scenes_class"
    SCENES_CAMERA = "scenes_camera"
    SCENES_OPEN = "scenes_open"
    SCENES_SHOWN = "scenes_shown"
    SCENES_HISTORY = "scenes_history"
    SCENES_LABELS = "scenes_labels"
    SCENES_METHOD = "scenes_method"
    SCENES_NAME = "scenes_name"
    SCENES_WATCHED = "scenes_watched"

    # Run
    FOLDER = "folder"
    BROWSED = "browsed"
    BROWSER_FILTER = "browser_filter"
    BROWSER_OPEN = "browser_open"
    BUNDLE = "bundle"
    DETECTOR_KIND = "detector_kind"
    DETECTOR_NAME = "detector_name"
    DETECTOR_TRAINED = "detector_trained"
    DETECTOR_PATH = "detector_path"
    DETECTOR_CONSENT = "detector_consent"
    BOXES = "boxes"
    ENCODER_KIND = "encoder_kind"
    ENCODER_NAME = "encoder_name"
    ENCODER_PATH = "encoder_path"
    CLASSIFICATIONS = "classifications"
    DEPLOYMENTS = "deployments"
    RUN_NAME = "run_name"
    WATCHED_RUN = "watched_run"

    # Train
    TRAIN_FOLDER = "train_folder"
    TRAIN_BROWSER_OPEN = "train_browser_open"
    TRAIN_LABELS = "train_labels"
    TRAIN_FOLDERS = "train_folders"
    TRAIN_NIGHT_BEGINS = "train_night_begins"
    TRAIN_NIGHT_ENDS = "train_night_ends"
    TRAIN_SPECIES = "train_species"
    TRAIN_SPLIT = "train_split"
    TRAIN_METHOD = "train_method"
    TRAIN_START = "train_start"
    TRAIN_NETWORK = "train_network"
    TRAIN_WEIGHTS = "train_weights"
    TRAIN_DETECTOR = "train_detector"
    TRAIN_DETECTOR_PATH = "train_detector_path"
    TRAIN_JOIN = "train_join"
    TRAIN_ONE_CLASS = "train_one_class"
    TRAIN_COMPONENTS = "train_components"
    TRAIN_BOXES_FROM = "train_boxes_from"
    TRAIN_FRAMES = "train_frames"
    TRAIN_SCORED_BY = "train_scored_by"
    TRAIN_THRESHOLD = "train_threshold"
    TRAIN_DEVIATIONS = "train_deviations"
    TRAIN_PERCENTILE = "train_percentile"
    TRAIN_NAME = "train_name"
    TRAIN_LOOK = "train_look"
    WATCHED_TRAINING = "watched_training"
    TRAIN_WHAT = "train_what"

    # A detector of one's own, on the Train page
    TRAINED_START = "trained_start"
    TRAINED_PUBLISHED = "trained_published"
    TRAINED_FILE = "trained_file"
    TRAINED_CONSENT = "trained_consent"
    TRAINED_BY_SPECIES = "trained_by_species"
    TRAINED_NAME = "trained_name"
    WATCHED_DETECTOR = "watched_detector"

    # Images
    IMAGES_NORMAL = "images_normal"
    IMAGES_NORMAL_BROWSER = "images_normal_browser"
    IMAGES_ASKED = "images_asked"
    IMAGES_ASKED_BROWSER = "images_asked_browser"
    IMAGES_DESCRIPTOR = "images_descriptor"
    IMAGES_ONE_CLASS = "images_one_class"
    IMAGES_BINS = "images_bins"
    IMAGES_COLOURS = "images_colours"
    IMAGES_RATE = "images_rate"
    IMAGES_NAME = "images_name"
    IMAGES_SHOWN = "images_shown"
    IMAGES_PAGE = "images_page"
    WATCHED_IMAGES = "watched_images"
    IMAGES_WHAT = "images_what"

    # Where it is odd, on the Images page
    LOCALIZE_PHOTOS = "localize_photos"
    LOCALIZE_PHOTOS_BROWSER = "localize_photos_browser"
    LOCALIZE_ASKED = "localize_asked"
    LOCALIZE_ASKED_BROWSER = "localize_asked_browser"
    LOCALIZE_LABELS = "localize_labels"
    LOCALIZE_NAME = "localize_name"
    LOCALIZE_STEPS = "localize_steps"
    LOCALIZE_HEAT = "localize_heat"
    LOCALIZE_PAGE = "localize_page"
    LOCALIZE_MADE_FROM = "localize_made_from"
    LOCALIZE_MADE_FROM_BROWSER = "localize_made_from_browser"
    LOCALIZE_MADE_NAME = "localize_made_name"
    LOCALIZE_MADE_R = "localize_made_r"
    LOCALIZE_MADE_RATIO = "localize_made_ratio"
    WATCHED_LOCALIZE = "watched_localize"

    # Models
    MODELS_WHICH = "models_which"
    MODELS_TABLE = "models_table"
    MODELS_NAME = "models_name"
    MODELS_CLICKED = "models_clicked"
    MODELS_STARTED = "models_started"
    WATCHED_MODEL = "watched_model"

    # Retrain
    RETRAIN_FROM = "retrain_from"
    RETRAIN_NAME = "retrain_name"
    RETRAIN_LEARN = "retrain_learn"
    RETRAIN_TRUTH = "retrain_truth"
    RETRAIN_WATCHED = "retrain_watched"
    RETRAIN_SHOWN = "retrain_shown"

    # Explore; what its page shows is one View, in the session and in the address
    EXPLORE_VIEW = "explore_view"
    EXPLORE_ADDRESS = "explore_address"
    EXPLORE_BY_RUN = "explore_by_run"
    EXPLORE_BELOW = "explore_below"
    EXPLORE_OPENED = "explore_opened"
    EXPLORE_PAGE = "explore_page"
    EXPLORE_NAME = "explore_name"
    EXPLORE_MENU = "explore_menu"
    EXPLORE_WITH_PEOPLE = "explore_with_people"
    EXPLORE_DECIDED = "explore_decided"


def crop_key(action: str, crop_id: str) -> str:
    """The key of a button that belongs to one crop: ``accept-<crop_id>``, ``photo-<crop_id>``, ..."""
    return f"{action}-{crop_id}"


def setting_key(name: str) -> str:
    """The key of the widget that holds one setting of a run."""
    return f"setting-{name}"


def rate_key(run_id: str) -> str:
    """The key of the false-alarm rate at which one run is looked at; each run has its own to start from."""
    return f"false_alarm_rate-{run_id}"


def side_key(name: str, side: int) -> str:
    """The key of a widget of one of the Explore page's plots, 0 or 1."""
    return f"explore-{name}-{side + 1}"
