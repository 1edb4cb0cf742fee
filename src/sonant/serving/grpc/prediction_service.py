"""PredictionService: Predict, Classify, Regress, MultiInference, GetModelMetadata.

Rules, their order and their texts are TensorFlow Serving's (predict_util.cc, classifier.cc,
regressor.cc, multi_inference.cc, get_model_metadata_impl.cc).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, final

from sonant.serving.grpc.calls import Answer, Call
from sonant.serving.grpc.examples import read_examples
from sonant.serving.grpc.model_specs import asked_of, read_spec, write_spec_of
from sonant.serving.grpc.protos import message
from sonant.serving.grpc.results import write_classification, write_regression
from sonant.serving.grpc.tensor_protos import read_tensor, write_spec, write_tensor
from sonant.serving.joining import rows_of
from sonant.serving.running import Running
from sonant.serving.service import Service
from sonant.serving.status import Code, Refusal, invalid
from sonant.serving.tensors import BY_NUMPY, DEFAULT_SIGNATURE, Method, Signature, Tensors

SIGNATURE_DEF: Final = "signature_def"
TYPE_URL: Final = "type.googleapis.com/tensorflow.serving.SignatureDefMap"


@final
class PredictionService:
    """The methods of `tensorflow.serving.PredictionService`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def methods(self) -> Mapping[str, tuple[str, Answer]]:
        """Method -> its name in the metrics, and what answers it."""
        return {
            "Predict": ("predict", self.predict),
            "Classify": ("classify", self.classify),
            "Regress": ("regress", self.regress),
            "MultiInference": ("multi_inference", self.multi_inference),
            "GetModelMetadata": ("metadata", self.metadata),
        }

    async def predict(self, request: Any, call: Call) -> Any:
        """Tensors in, tensors out."""
        asked = asked_of(request)
        with self._service.catalog.held(read_spec(asked)) as running:
            call.model = running.name
            key = asked.signature_name or DEFAULT_SIGNATURE
            signature = running.servable.signatures.get(key)
            if signature is None:
                text = f'Serving signature key "{key}" not found.'
                raise Refusal(Code.FAILED_PRECONDITION, text)
            inputs = _inputs(request.inputs, signature, limit_bytes=call.limit_bytes)
            wanted = _wanted(request.output_filter, signature)
            call.rows = rows_of(inputs)
            outputs = await running.run(key, inputs, deadline=call.deadline)
        reply = message("PredictResponse")()
        for name in wanted:
            write_tensor(outputs[name], reply.outputs[name], spec=signature.outputs[name])
        write_spec_of(running, reply.model_spec, signature=key)
        return reply

    async def classify(self, request: Any, call: Call) -> Any:
        """Examples in, classes with scores out."""
        return await self._infer(request, call, Method.CLASSIFY)

    async def regress(self, request: Any, call: Call) -> Any:
        """Examples in, one number each out."""
        return await self._infer(request, call, Method.REGRESS)

    async def multi_inference(self, request: Any, call: Call) -> Any:
        """Several signatures of one model over the same examples."""
        first = request.tasks[0].model_spec if request.tasks else message("ModelSpec")()
        reply = message("MultiInferenceResponse")()
        with self._service.catalog.held(read_spec(first)) as running:
            call.model = running.name
            for key, method in _tasks(request.tasks, running):
                result = reply.results.add()
                outputs = await _run_examples(running, request.input, call, method=method, key=key)
                _WRITERS[method](outputs, getattr(result, _RESULTS[method]), rows=call.rows)
                write_spec_of(running, result.model_spec, signature=key)
        return reply

    async def metadata(self, request: Any, call: Call) -> Any:
        """What signatures a model has."""
        asked = asked_of(request)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for name in request.metadata_field:
            if name != SIGNATURE_DEF:
                raise invalid(f"Metadata field {name} is not supported")
        reply = message("GetModelMetadataResponse")()
        with self._service.catalog.held(read_spec(asked)) as running:
            call.model = running.name
            write_spec_of(running, reply.model_spec)
            described = _signatures(running.servable.signatures)
        reply.metadata[SIGNATURE_DEF].type_url = TYPE_URL
        reply.metadata[SIGNATURE_DEF].value = described.SerializeToString()
        return reply

    async def _infer(self, request: Any, call: Call, method: Method) -> Any:
        asked = asked_of(request)
        key = asked.signature_name or DEFAULT_SIGNATURE
        with self._service.catalog.held(read_spec(asked)) as running:
            call.model = running.name
            outputs = await _run_examples(running, request.input, call, method=method, key=key)
        reply = message(_REPLIES[method])()
        _WRITERS[method](outputs, reply.result, rows=call.rows)
        write_spec_of(running, reply.model_spec, signature=key)
        return reply


_RESULTS: Final = {
    Method.CLASSIFY: "classification_result",
    Method.REGRESS: "regression_result",
}
_REPLIES: Final = {
    Method.CLASSIFY: "ClassificationResponse",
    Method.REGRESS: "RegressionResponse",
}
_WRITERS: Final = {Method.CLASSIFY: write_classification, Method.REGRESS: write_regression}


async def _run_examples(
    running: Running, examples: Any, call: Call, *, method: Method, key: str
) -> Tensors:
    signature = running.signature_for(method, key)
    inputs = read_examples(examples, signature, limit_bytes=call.limit_bytes)
    call.rows = rows_of(inputs)
    return await running.run(key, inputs, deadline=call.deadline)


def _inputs(given: Mapping[str, Any], signature: Signature, *, limit_bytes: int) -> Tensors:
    """The inputs of a predict request, named and typed as the signature says."""
    wanted = signature.inputs
    if len(given) != len(wanted):
        sent, required = set(given), set(wanted)
        raise invalid(
            f"input size does not match signature: {len(sent)}!={len(required)} "
            f"len({_set(sent)}) != len({_set(required)}). Sent extra: {_set(sent - required)}. "
            f"Missing but required: {_set(required - sent)}."
        )
    found = {}
    for place, (name, spec) in enumerate(wanted.items()):
        if name not in given:
            raise invalid(
                f"Signature input alias: {name}(feed name: {spec.name}) not found in request and no "
                f"default value provided. Inputs expected to be in the request {_set(set(given))}, "
                f"or default input alias set: "
            )
        found[name] = read_tensor(given[name], name=name, limit_bytes=limit_bytes)
        if found[name].dtype != spec.dtype.numpy:
            plain = BY_NUMPY[found[name].dtype].plain
            raise invalid(f"Expects arg[{place}] to be {spec.dtype.plain} but {plain} is provided")
    return found


def _wanted(asked: Sequence[str], signature: Signature) -> Sequence[str]:
    """The outputs asked for; all of them where none is named."""
    seen: set[str] = set()
    for name in asked:
        if name not in signature.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {name} "
                f"Outputs expected to be in the set {_set(set(signature.outputs))}."
            )
        if name in seen:
            raise invalid(f"duplicate output tensor alias: {name}")
        seen.add(name)
    return list(asked) or list(signature.outputs)


def _tasks(tasks: Sequence[Any], running: Running) -> list[tuple[str, Method]]:
    """Signature and method of each task of a multi-inference; all are looked at before one is run."""
    found: dict[str, Method] = {}
    for task in tasks:
        if not task.model_spec.name:
            raise invalid("Found ModelSpec with an empty model name.")
        if task.model_spec.name != running.name:
            raise invalid(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        key = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if key in found:
            raise invalid(f"Duplicate evaluation of signature: {key}")
        if key not in running.servable.signatures:
            raise invalid(f"Requested signature not found in model graph: {key}")
        method = {way.value: way for way in _RESULTS}.get(task.method_name)
        if method is None:
            text = f"Unsupported signature method_name: {task.method_name}"
            raise Refusal(Code.UNIMPLEMENTED, text)
        running.signature_for(method, key)
        found[key] = method
    return list(found.items())


def _signatures(signatures: Mapping[str, Signature]) -> Any:
    described = message("SignatureDefMap")()
    for name, signature in signatures.items():
        definition = described.signature_def[name]
        definition.method_name = signature.method.value
        for key, spec in signature.inputs.items():
            write_spec(spec, definition.inputs[key])
        for key, spec in signature.outputs.items():
            write_spec(spec, definition.outputs[key])
    return described


def _set(names: set[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
