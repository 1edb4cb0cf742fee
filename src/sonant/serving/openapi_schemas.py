"""What the bodies of requests and replies look like: the components of the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

Table = dict[str, Any]

DATATYPES: Final = (
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
    "FP16", "FP32", "FP64", "BYTES",
)  # fmt: skip
STATES: Final = ("UNKNOWN", "START", "LOADING", "AVAILABLE", "UNLOADING", "END")


def _ref(name: str) -> Table:
    return {"$ref": f"#/components/schemas/{name}"}


_STRING: Final[Table] = {"type": "string"}
_COUNT: Final[Table] = {"type": "integer", "minimum": 0}

TENSORFLOW: Final[Table] = {
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": _STRING},
    },
    "Bytes": {
        "type": "object",
        "description": "Bytes, wherever a tensor of strings has an element.",
        "required": ["b64"],
        "properties": {"b64": {"type": "string", "contentEncoding": "base64"}},
        "additionalProperties": False,
    },
    "PredictRequest": {
        "type": "object",
        "description": "Rows in `instances`, or whole tensors in `inputs`; never both.",
        "properties": {
            "signature_name": {
                "type": "string",
                "description": "`serving_default`, `pcm`, `wav` or `classify` of a keyword bundle; "
                "`serving_default`, `pcm` or `embed` of a speaker bundle.",
                "examples": ["wav"],
            },
            "instances": {
                "type": "array",
                "minItems": 1,
                "description": "One element a row: a value, or an object of named values.",
                "items": {"anyOf": [_ref("Bytes"), {}]},
                "examples": [[{"b64": "UklGRg=="}]],
            },
            "inputs": {
                "description": "The only input, or an object of named inputs.",
                "examples": [{"samples": [[0.0, 0.1]]}],
            },
        },
        "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
    },
    "PredictReply": {
        "type": "object",
        "properties": {
            "predictions": {"type": "array", "description": "For `instances`: one element a row."},
            "outputs": {"description": "For `inputs`: the only output, or an object of them."},
        },
        "oneOf": [{"required": ["predictions"]}, {"required": ["outputs"]}],
    },
    "ExamplesRequest": {
        "type": "object",
        "required": ["examples"],
        "properties": {
            "signature_name": _STRING,
            "context": {"type": "object", "description": "Features that all examples share."},
            "examples": {
                "type": "array",
                "items": {"type": "object", "description": "Feature: a value, or a list of them."},
                "examples": [[{"samples": [0.0, 0.1]}]],
            },
        },
    },
    "ClassifyReply": {
        "type": "object",
        "required": ["results"],
        "properties": {
            "results": {
                "type": "array",
                "items": {
                    "type": "array",
                    "items": {
                        "type": "array",
                        "prefixItems": [_STRING, {"type": "number"}],
                        "minItems": 2,
                        "maxItems": 2,
                    },
                },
            }
        },
    },
    "RegressReply": {
        "type": "object",
        "required": ["results"],
        "properties": {"results": {"type": "array", "items": {"type": "number"}}},
    },
    "StatusReply": {
        "type": "object",
        "required": ["model_version_status"],
        "properties": {
            "model_version_status": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["version", "state", "status"],
                    "properties": {
                        "version": {"type": "string", "pattern": "^[0-9]+$"},
                        "state": {"enum": list(STATES)},
                        "status": {
                            "type": "object",
                            "required": ["error_code", "error_message"],
                            "properties": {"error_code": _STRING, "error_message": _STRING},
                        },
                    },
                },
            }
        },
    },
    "MetadataReply": {
        "type": "object",
        "required": ["model_spec", "metadata"],
        "properties": {
            "model_spec": {
                "type": "object",
                "required": ["name", "signature_name", "version"],
                "properties": {"name": _STRING, "signature_name": _STRING, "version": _STRING},
            },
            "metadata": {
                "type": "object",
                "required": ["signature_def"],
                "properties": {
                    "signature_def": {
                        "type": "object",
                        "required": ["signature_def"],
                        "properties": {"signature_def": {"type": "object"}},
                    }
                },
            },
        },
    },
}

KSERVE: Final[Table] = {
    "ServerMetadata": {
        "type": "object",
        "required": ["name", "version", "extensions"],
        "properties": {
            "name": _STRING,
            "version": _STRING,
            "extensions": {"type": "array", "items": _STRING},
        },
    },
    "TensorMetadata": {
        "type": "object",
        "required": ["name", "datatype", "shape"],
        "properties": {
            "name": _STRING,
            "datatype": {"enum": list(DATATYPES)},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": -1}},
        },
    },
    "ModelMetadata": {
        "type": "object",
        "required": ["name", "versions", "platform", "inputs", "outputs"],
        "properties": {
            "name": _STRING,
            "versions": {"type": "array", "items": _STRING},
            "platform": _STRING,
            "inputs": {"type": "array", "items": _ref("TensorMetadata")},
            "outputs": {"type": "array", "items": _ref("TensorMetadata")},
        },
    },
    "InferTensor": {
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"type": "string", "examples": ["wav"]},
            "shape": {"type": "array", "items": _COUNT, "examples": [[1]]},
            "datatype": {"enum": list(DATATYPES)},
            "parameters": {"type": "object"},
            "data": {
                "type": "array",
                "description": "Nested or flat; absent where `binary_data_size` says how many bytes follow.",
            },
        },
    },
    "InferRequest": {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": _STRING,
            "parameters": {"type": "object"},
            "inputs": {"type": "array", "items": _ref("InferTensor")},
            "outputs": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": _STRING, "parameters": {"type": "object"}},
                },
            },
        },
    },
    "InferReply": {
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "model_name": _STRING,
            "model_version": _STRING,
            "id": _STRING,
            "parameters": {"type": "object"},
            "outputs": {"type": "array", "items": _ref("InferTensor")},
        },
    },
    "IndexRequest": {"type": "object", "properties": {"ready": {"type": "boolean"}}},
    "LoadRequest": {"type": "object", "properties": {"parameters": {"type": "object"}}},
    "IndexReply": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": _STRING,
                "version": _STRING,
                "state": _STRING,
                "reason": _STRING,
            },
        },
    },
}

PAGE: Final[Table] = {
    "PageModels": {
        "type": "object",
        "required": ["models", "in_browser"],
        "properties": {
            "models": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name", "versions"],
                    "properties": {
                        "name": _STRING,
                        "versions": {"type": "array", "items": {"type": "object"}},
                    },
                },
            },
            "in_browser": {"type": "boolean"},
        },
    },
}


def _refusal(description: str) -> Table:
    return {
        "description": description,
        "content": {"application/json": {"schema": _ref("Error")}},
    }


RESPONSES: Final[Table] = {
    "400": _refusal("Malformed, or not what the model takes."),
    "401": {
        **_refusal("No token, or a wrong one."),
        "headers": {"WWW-Authenticate": {"schema": {"const": "Bearer"}}},
    },
    "404": _refusal("No such model, version or path."),
    "413": _refusal("The body is longer than `--max_body_bytes`, as sent or unpacked."),
    "429": _refusal("It waited too long in the queue."),
    "501": _refusal("A type of tensor, or a call, that is not supported, or no store of speakers."),
    "503": {
        **_refusal("Too much waits already, or the server is about to end."),
        "headers": {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}},
    },
    "504": _refusal("It took longer than `--rest_api_timeout_in_ms`."),
}
