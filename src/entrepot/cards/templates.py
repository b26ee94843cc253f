"""Default cards: templates with headings to fill in.

Each is a Jinja template. ``card_data`` is the YAML of the metadata; every other
name is an optional paragraph, replaced by a reminder if absent.
"""

from __future__ import annotations

from typing import Final

_DUE: Final = "*Not written yet.*"


def _section(level: int, title: str, name: str, hint: str) -> str:
    return f"{'#' * level} {title}\n\n<!-- {hint} -->\n\n{{{{ {name} | default('{_DUE}', true) }}}}\n\n"


def _line(title: str, *names: str) -> str:
    """Return the template of a line with one value; a list is joined by commas."""
    value = " or ".join(names)
    return f"- **{title}:** {{{{ ({value}) if ({value}) is string else ({value} or ['-']) | join(', ') }}}}\n"


MODEL_CARD: Final = (
    "---\n{{ card_data }}\n---\n\n"
    "# Model Card for {{ model_id | default(model_name, true) | default('Model ID', true) }}\n\n"
    "{{ model_summary | default('', true) }}\n\n"
    + _section(2, "What it is", "model_description", "What goes in, what comes out, how it works in one paragraph.")
    + _line("Developed by", "developers")
    + _line("Kind of model", "model_type")
    + _line("Language", "language")
    + _line("License", "license")
    + _line("Made from", "base_model")
    + _line("Repository", "repo", "repo_url")
    + _line("Paper", "paper", "paper_url")
    + _line("Try it", "demo")
    + "\n"
    + "## Use\n\n"
    + _section(3, "As it is", "direct_use", "What it can do without further training.")
    + _section(3, "As a part of something", "downstream_use", "Fine-tuning, or inside a larger system.")
    + _section(3, "Not for", "out_of_scope_use", "Uses that it does badly, or must not be put to.")
    + _section(3, "How to begin", "get_started_code", "The shortest program that uses it.")
    + _section(2, "Risks and limits", "bias_risks_limitations", "What it gets wrong, and for whom.")
    + _section(3, "What to do about them", "bias_recommendations", "Advice to the people who use it.")
    + "## How it was made\n\n"
    + _section(3, "Data", "training_data", "Which data, from where; a link to the dataset's card.")
    + _section(3, "Preparation", "preprocessing", "How the data were cleaned and cut.")
    + _section(3, "Settings", "training_regime", "Precision, batch size, learning rate, seeds.")
    + _section(3, "Time and size", "speeds_sizes_times", "How long it took; how large the files are.")
    + "## How good it is\n\n"
    + _section(3, "Tested on", "testing_data", "Data that it has not seen.")
    + _section(3, "Measured with", "testing_metrics", "Which metrics, and why these.")
    + _section(3, "Results", "results", "Numbers, with the settings that they hold for.")
    + _section(2, "Cost to the climate", "co2_emitted", "Hardware, hours, place.")
    + _section(2, "Cite", "citation_bibtex", "How to name it in a paper.")
    + _section(2, "Contact", "model_card_contact", "Whom to ask.")
)
"""A model card: description, intended use, training, evaluation."""

DATASET_CARD: Final = (
    "---\n{{ card_data }}\n---\n\n"
    "# Dataset Card for {{ pretty_name | default('Dataset Name', true) }}\n\n"
    "{{ dataset_summary | default('', true) }}\n\n"
    + _section(2, "What it is", "dataset_description", "What the rows are, how many, since when.")
    + _line("Collected by", "curators")
    + _line("Language", "language")
    + _line("License", "license")
    + _line("Repository", "repo", "repo_url")
    + _line("Paper", "paper", "paper_url")
    + "\n"
    + "## Use\n\n"
    + _section(3, "For", "direct_use", "Tasks that it was made for.")
    + _section(3, "Not for", "out_of_scope_use", "Tasks for which it would be misleading.")
    + _section(2, "Shape", "dataset_structure", "Columns with their types and meaning; the splits.")
    + "## How it came about\n\n"
    + _section(3, "Why", "curation_rationale", "What was missing before.")
    + _section(3, "Collection", "data_collection_and_processing", "Where from, how filtered and cleaned.")
    + _section(
        3, "Who is behind the data", "who_are_source_data_producers_section", "People or systems that made them."
    )
    + _section(3, "Labels", "annotation_process_section", "Who labelled, with which instructions, how well they agree.")
    + _section(
        3, "Personal data", "personal_sensitive_information", "What is in it about people, and what was taken out."
    )
    + _section(2, "Risks and limits", "bias_risks_limitations", "Who and what is missing or seen too often.")
    + _section(3, "What to do about them", "bias_recommendations", "Advice to the people who use it.")
    + _section(2, "Cite", "citation_bibtex", "How to name it in a paper.")
    + _section(2, "Contact", "dataset_card_contact", "Whom to ask.")
)
"""A dataset card: description, intended use, creation."""

MIXIN_CARD: Final = (
    "---\n{{ card_data }}\n---\n\n"
    "This model was saved by its own class, with the mixin of entrepot.\n\n"
    "- Code: {{ repo_url | default('-', true) }}\n"
    "- Paper: {{ paper_url | default('-', true) }}\n"
    "- Documentation: {{ docs_url | default('-', true) }}\n"
)
"""The card of a model saved by a class with ``ModelHubMixin``."""
