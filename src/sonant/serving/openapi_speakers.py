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
_RESTS_ON: Final[Table] = {
    "reason": {"type": "string", "description": "One sentence."},
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
        ("decision", "cosine", *_JUDGED, *_RESTS_ON),
        decision={"enum": ["same", "different", "undecided"]},
        cosine=_COSINE,
        **_JUDGED,
        **_RESTS_ON,
    ),
    "IdentifyRequest": _asked(
        ("clip",), clip=_CLIP, top={"type": "integer", "minimum": 1, "maximum": 100}
    ),
    "Identification": _object(
        ("decision", "name", "candidates", *_RESTS_ON),
        decision={"enum": ["known", "nobody known", "undecided"]},
        name={"type": ["string", "null"]},
        candidates={
            "type": "array",
            "items": _object(("name", "cosine", *_JUDGED), name=_STRING, cosine=_COSINE, **_JUDGED),
        },
        **_RESTS_ON,
    ),
}
