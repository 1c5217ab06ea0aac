"""Documents made from a checked scenario: the ODD protocol and the parameter table.

ODD: Grimm et al. (2020, doi:10.18564/jasss.4259), all seven elements, followed by the simulation experiments,
the parameter table and the references.
"""

from __future__ import annotations

from abm import __version__
from abm.scenario.odd_concepts import design_concepts
from abm.scenario.odd_details import initialization, input_data, submodels
from abm.scenario.odd_experiments import experiments
from abm.scenario.odd_markdown import bullets, code, heading, joined, table
from abm.scenario.odd_markdown import plain as escaped
from abm.scenario.odd_overview import entities, processes, purpose
from abm.scenario.odd_prose import prose, texts
from abm.scenario.odd_subject import Subject
from abm.scenario.parameters import Parameter, cited_sources, grouped, parameters


def odd_protocol(subject: Subject, *, with_parameters: bool = True) -> str:
    """The ODD protocol of a scenario as Markdown.

    Parameters
    ----------
    subject : Subject
    with_parameters : bool
        Append the parameter table and the sources of its values.
    """
    table_of_values = parameters(subject.experiment, subject.arm)
    title = escaped(subject.scenario.title) or "Untitled scenario"
    return (
        joined(
            [
                heading(1, f"{title}: ODD protocol"),
                _introduction(subject),
                heading(2, "Overview"),
                purpose(subject),
                entities(subject),
                processes(subject),
                heading(2, "Design concepts"),
                design_concepts(subject),
                heading(2, "Details"),
                initialization(subject),
                input_data(subject),
                submodels(subject),
                heading(2, "Simulation experiments"),
                experiments(subject),
                *(
                    [heading(2, "Appendix: parameters"), parameter_tables(table_of_values)]
                    if with_parameters
                    else []
                ),
                heading(2, "References"),
                references(subject, table_of_values if with_parameters else ()),
            ]
        )
        + "\n"
    )


def parameter_document(subject: Subject) -> str:
    """The parameter table with its sources, as Markdown."""
    found = parameters(subject.experiment, subject.arm)
    title = escaped(subject.scenario.title) or "Untitled scenario"
    return (
        joined(
            [
                heading(1, f"{title}: parameters"),
                _which(subject),
                parameter_tables(found),
                heading(2, "Sources"),
                references(subject, found, methods=False),
            ]
        )
        + "\n"
    )


def _introduction(subject: Subject) -> str:
    file = f"{code(subject.file)} " if subject.file else ""
    return prose("introduction", file=file, version=__version__, subject=_which(subject))


def _which(subject: Subject) -> str:
    arms = subject.experiment.arms
    if subject.arm is not None:
        return f"It describes the arm {code(subject.arm)}."
    if len(arms) == 1:
        return f"The experiment has one arm, {code(next(iter(arms)))}."
    return "It describes what all arms have in common; under *Simulation experiments* stands how they differ."


def parameter_tables(found: tuple[Parameter, ...]) -> str:
    """One table for each part of the scenario."""
    parts = [prose("parameter_kinds")]
    for group, rows in grouped(found).items():
        lines = (
            (
                code(one.name),
                escaped(one.text),
                escaped(one.range),
                one.kind,
                escaped(", ".join(one.source)),
                escaped(f"{one.meaning}. {one.note}" if one.note else one.meaning),
            )
            for one in rows
        )
        head = ("parameter", "value", "range", "kind", "source", "meaning and note")
        parts.append(joined([heading(3, code(group)), table(head, lines)]))
    return joined(parts)


def references(subject: Subject, found: tuple[Parameter, ...], *, methods: bool = True) -> str:
    """Sources of the values, and of the methods."""
    claimed = [key for one in subject.experiment.claims for key in one.claim.source]
    cited = [
        escaped(str(source)) + (f" *({escaped(source.authority)})*" if source.authority else "")
        for source in cited_sources(found, subject.scenario, claimed if methods else ())
    ]
    of_methods = [" ".join(line.split()) for line in texts()["references"].split("\n\n")] if methods else []
    parts = [joined(["Of the method:", "\n".join(of_methods)]) if of_methods else ""]
    if cited:
        told = "Of values and findings; in italics how the figures were obtained:" if methods else ""
        parts.append(joined([told, bullets(cited)]))
    return joined(parts)
