"""ModelService: GetModelStatus and HandleReloadConfigRequest."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

from sonant.serving.catalog.config import config_of
from sonant.serving.grpc.calls import Answer, Call
from sonant.serving.grpc.model_specs import asked_of, read_spec
from sonant.serving.grpc.protos import message
from sonant.serving.service import Service
from sonant.serving.status import Code, invalid

LOG = logging.getLogger("sonant.serving")


@final
class ModelService:
    """The methods of `tensorflow.serving.ModelService`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def methods(self) -> Mapping[str, tuple[str, Answer]]:
        """Method -> its name in the metrics, and what answers it."""
        return {
            "GetModelStatus": ("status", self.status),
            "HandleReloadConfigRequest": ("reload", self.reload),
        }

    async def status(self, request: Any, call: Call) -> Any:
        """How the versions of a model stand, the newest first."""
        spec = read_spec(asked_of(request))
        reply = message("GetModelStatusResponse")()
        for found in self._service.catalog.statuses(spec):
            described = reply.model_version_status.add(
                version=found.version, state=int(found.state)
            )
            described.status.error_code = int(found.code)
            described.status.error_message = found.message
        call.model = spec.name
        return reply

    async def reload(self, request: Any, call: Call) -> Any:
        """Serve other models from now on; those that are not in the request's list are unloaded."""
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest."
                " Only ModelConfigList is currently supported"
            )
        for model in request.config.model_config_list.config:
            # A client does not know from where we were started: a relative path would mean nothing.
            if "://" not in model.base_path and not Path(model.base_path).is_absolute():
                raise invalid(
                    f"Expected model {model.name} to have an absolute path or URI; "
                    f"got base_path()={model.base_path}"
                )
        strict = self._service.options.strict_compat
        config = config_of(request.config, home=Path("/"), strict=strict)
        LOG.info("reload by gRPC: %s", ", ".join(sorted(config.by_name)) or "no model")
        await self._service.catalog.configure(config)
        reply = message("ReloadConfigResponse")()
        reply.status.error_code = int(Code.OK)
        return reply
