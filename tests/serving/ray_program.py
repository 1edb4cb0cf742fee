"""A program for tests: serve a folder and the table's models on a Ray cluster of this machine alone.

PORT FOLDER REPLICAS: it prints its address when it answers, and leaves at SIGTERM.
"""

from __future__ import annotations

import sys
from pathlib import Path

from serving.fakes import fill
from sonant.serving.catalog import config_of_folder
from sonant.serving.options import Options
from sonant.serving.ray_app import serve_on_ray
from sonant.serving.scaling import Scaling


def main() -> None:
    port, folder, replicas = sys.argv[1:]
    serve_on_ray(
        Options(rest_api_port=int(port), access_log=False, inference_threads=1, grace_seconds=5),
        config_of_folder(Path(folder)),
        Scaling(replicas=int(replicas), cpus_per_replica=0.5),
        on_ready=lambda url: print(url, flush=True),
        fill=fill,
    )


if __name__ == "__main__":
    main()
