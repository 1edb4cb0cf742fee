"""Everything that can be said to the server; its fields are the flags of `sonant serve`, with their help.

Flags that TensorFlow Serving has carry its names, its units and its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to serve; see each field."""

    host: Annotated[str, "Address to listen on; another one asks for a token or mTLS."] = (
        "127.0.0.1"
    )
    rest_api_port: Annotated[
        int, "HTTP: TensorFlow Serving, KServe, WebSocket, the page; 0: off."
    ] = 8501
    port: Annotated[int, "gRPC; 0: off, -1: any free port."] = 8500
    wyoming_port: Annotated[int, "Wyoming over TCP, for Home Assistant; 0: off, -1: any."] = 10400
    zeroconf: Annotated[str, "Announce Wyoming in the local network under this name."] = ""

    model_name: Annotated[str, "Name of the model at --model_base_path."] = "default"
    model_base_path: Annotated[str, "Folder with one numbered folder per version."] = ""
    model_config_file: Annotated[Path | None, "models.config, in text protobuf."] = None
    model_config_file_poll_wait_seconds: Annotated[float, "Read it again so often; 0: once."] = 0.0
    file_system_poll_wait_seconds: Annotated[float, "Look for new versions so often; 0: once."] = (
        1.0
    )
    allow_version_labels_for_unavailable_models: Annotated[
        bool, "Let a new label name a version that is not loaded yet."
    ] = False
    max_num_load_retries: Annotated[int, "Further attempts at a version that fails to load."] = 5
    load_retry_interval_micros: Annotated[int, "Microseconds between them."] = 60_000_000

    enable_batching: Annotated[bool, "Run requests that wait together in one batch."] = True
    batching_parameters_file: Annotated[Path | None, "TensorFlow Serving's, in text protobuf."] = (
        None
    )
    enable_per_model_batching_parameters: Annotated[
        bool, "Read batching_params.pbtxt beside each model."
    ] = False
    max_batch_size: Annotated[int, "Rows of one run, unless a batching file says."] = 32
    batch_timeout_micros: Annotated[int, "Microseconds that a batch waits for company."] = 0
    max_enqueued_rows: Annotated[int, "Rows that may wait before a model; more are refused."] = 4096
    inference_threads: Annotated[int, "Runs at the same time; 0: one for each core."] = 0
    enable_model_warmup: Annotated[bool, "Run every size of batch before a version answers."] = True

    rest_api_timeout_in_ms: Annotated[int, "How long a request may take."] = 30_000
    rest_api_enable_cors_support: Annotated[bool, "Let pages of other origins ask."] = False
    monitoring_config_file: Annotated[Path | None, "prometheus_config, in text protobuf."] = None
    strict_compat: Annotated[bool, "Do as TensorFlow Serving does even where it is odd."] = False
    json_nan: Annotated[bool, "Write NaN and Infinity as such; else a reply with them is null."] = (
        True
    )
    max_body_bytes: Annotated[int, "A longer body is refused, also after unpacking."] = 64 * 2**20
    max_json_depth: Annotated[int, "Deeper JSON is refused."] = 10_000

    max_streams: Annotated[int, "Live streams at the same time; more are refused."] = 1024
    stream_idle_seconds: Annotated[float, "A stream that says nothing for so long is closed."] = (
        60.0
    )

    speaker_store: Annotated[
        str, "Enrolled speakers: a file, made where there is none, or a postgresql:// URL."
    ] = ""

    spoof_detector: Annotated[
        Path | None, "A bundle that is asked whether clips that claim a voice are forged."
    ] = None
    spoof_prior: Annotated[float, "P(forged), before a clip is heard."] = 0.5
    spoof_threshold: Annotated[float, "P(forged) from which on a clip counts as forged."] = 0.5
    adversarial_detector: Annotated[
        Path | None, "A bundle, trained on attacks, that is asked whether such clips are one."
    ] = None
    adversarial_prior: Annotated[float, "P(attacked), before a clip is heard."] = 0.5
    adversarial_threshold: Annotated[
        float, "P(attacked) from which on a clip counts as an attack."
    ] = 0.5

    ssl_config_file: Annotated[Path | None, "TLS of gRPC: TensorFlow Serving's SSLConfig."] = None
    tls_certificate: Annotated[Path | None, "Certificate chain, PEM; turns TLS on."] = None
    tls_key: Annotated[Path | None, "Its private key, PEM."] = None
    tls_client_ca: Annotated[
        Path | None, "Clients must show a certificate signed by this, PEM."
    ] = None
    token_file: Annotated[Path | None, "File with the bearer token that clients must show."] = None
    insecure: Annotated[bool, "Listen on --host without a token or client certificates."] = False
    access_log: Annotated[bool, "One JSON line a request on standard error."] = True
    grace_seconds: Annotated[float, "After SIGTERM: time for what runs to finish."] = 30.0
    enable_grpc_healthcheck_service: Annotated[bool, "The standard grpc.health service."] = True
    grpc_socket_path: Annotated[str, "Listen for gRPC on this Unix socket, too."] = ""

    @property
    def threads(self) -> int:
        """Runs at the same time."""
        from sonant.runtime.reading import usable_cores

        return self.inference_threads or usable_cores()

    @property
    def opens_up(self) -> bool:
        """Whether other machines can reach the server."""
        return self.host not in ("127.0.0.1", "::1", "localhost")
