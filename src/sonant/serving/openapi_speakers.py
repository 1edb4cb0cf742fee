"""Bodies of requests and replies at `/v1/speakers`: components of the OpenAPI document."""

from __future__ import annotations

from typing import Final

from sonant.serving.openapi_schemas import Table

_STRING: Final[Table] = {"type": "string"}
_NUMBER: Final[Table] = {"type": "number"}
_COUNT: Final[Table] = {"type": "integer", "minimum": 0}
_CLIP: Final[Table] = {"$ref": "#/components/schemas/Bytes"}
_MODEL: Final[Table] = {
    "type": "string",
    "description": "A speaker model; may be left out where only one is loaded.",
}


def _object(required: tuple[str, ...], **properties: Table) -> Table:
    return {"type": "object", "required": list(required), "properties": properties}


def _asked(required: tuple[str, ...], **properties: Table) -> Table:
    found = _object(required, model=_MODEL, **properties)
    return {**found, "additionalProperties": False}


def _maybe(description: str) -> Table:
    return {"type": ["number", "null"], "description": description}


_COSINE: Final[Table] = {"type": "number", "description": "-1 to 1; no probability."}
_JUDGED: Final[Table] = {
    "llr": _maybe("Log-likelihood ratio in nats; null when uncalibrated."),
    "probability": _maybe("At the operating point's prior; null when uncalibrated."),
}
_DETECTOR: Final[Table] = {
    "type": ["object", "null"],
    "description": "Null where the server has none.",
    "required": ["model", "calibrated", "prior", "threshold"],
    "properties": {
        "model": _STRING,
        "calibrated": {"type": "boolean"},
        "prior": _NUMBER,
        "threshold": _NUMBER,
    },
}
_GUARDED: Final[Table] = {
    "reasons": {
        "type": "array",
        "minItems": 1,
        "maxItems": 3,
        "items": _STRING,
        "description": "Of the speaker model, the spoof detector, the adversarial detector.",
    },
    "llr_same": _maybe("`llr`, or that of the nearest candidate; null when uncalibrated."),
    "p_same": _maybe("`probability`, or that of the nearest candidate; null when uncalibrated."),
    "p_spoof": _maybe("That the clip was forged; null without a spoof detector."),
    "llr_bonafide": _maybe("In nats, above 0 for bona fide speech; null without a spoof detector."),
    "p_adversarial": _maybe("That it is an attack; null without an adversarial detector."),
    "llr_unattacked": _maybe("In nats, above 0 for no attack; null without such a detector."),
    "detectors": _object(("spoof", "adversarial"), spoof=_DETECTOR, adversarial=_DETECTOR),
}
_OBJECTIONS: Final = ("spoof", "adversarial")
"""Decisions of detectors."""
_RESTS_ON: Final[Table] = {
    "reason": {"type": "string", "description": "One sentence: what the decision rests on."},
    "operating_point": _object(
        ("prior", "cost_miss", "cost_false_accept"),
        prior=_NUMBER,
        cost_miss=_NUMBER,
        cost_false_accept=_NUMBER,
    ),
    "speech_s": {"type": "number", "description": "Seconds of speech."},
    "snr_db": {"type": "number", "description": "Decibels of speech over noise."},
}

SPEAKERS: Final[Table] = {
    "EnrollRequest": _asked(
        ("name", "clips"),
        name={"type": "string", "minLength": 1, "maxLength": 200},
        clips={"type": "array", "minItems": 1, "maxItems": 100, "items": _CLIP},
    ),
    "Speaker": _object(
        ("name", "utterances", "enrolled"), name=_STRING, utterances=_COUNT, enrolled=_STRING
    ),
    "Speakers": _object(
        ("model_digest", "speakers"),
        model_digest={"type": ["string", "null"]},
        speakers={"type": "array", "items": {"$ref": "#/components/schemas/Speaker"}},
    ),
    "Forgotten": _object(("name", "forgotten"), name=_STRING, forgotten=_COUNT),
    "VerifyRequest": _asked(("left", "right"), left=_CLIP, right=_CLIP),
    "Verdict": _object(
        ("decision", "identity", "cosine", *_JUDGED, *_GUARDED, *_RESTS_ON),
        decision={"enum": ["same", "different", "undecided", *_OBJECTIONS]},
        identity={"enum": ["same", "different", "undecided"]},
        cosine=_COSINE,
        **_JUDGED,
        **_GUARDED,
        **_RESTS_ON,
    ),
    "IdentifyRequest": _asked(
        ("clip",), clip=_CLIP, top={"type": "integer", "minimum": 1, "maximum": 100}
    ),
    "Identification": _object(
        ("decision", "identity", "name", "candidates", *_GUARDED, *_RESTS_ON),
        decision={"enum": ["known", "nobody known", "undecided", *_OBJECTIONS]},
        identity={"enum": ["known", "nobody known", "undecided"]},
        name={"type": ["string", "null"]},
        candidates={
            "type": "array",
            "items": _object(("name", "cosine", *_JUDGED), name=_STRING, cosine=_COSINE, **_JUDGED),
        },
        **_GUARDED,
        **_RESTS_ON,
    ),
}
