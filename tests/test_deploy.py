"""The files in `deploy/`: well-formed, tightly held, and of the flags and ports that the server has."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from serving_flags import FLAGS, check_exposed, flags, port, ports

yaml = pytest.importorskip("yaml", reason="PyYAML reads the manifests")

TOP = Path(__file__).parents[1]
DEPLOY = TOP / "deploy"
PROBED = {"/v2/health/live", "/v2/health/ready"}
USER = 10001
MARGIN_S = 5
"""Between the end of the grace time and the kill."""


def read(name: str) -> str:
    return (DEPLOY / name).read_text()


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


# --- Dockerfile ---------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """(instruction, rest) with continued lines joined and comments dropped."""
    lines = [line for line in read("Dockerfile").splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    pairs = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    return [(word.upper(), rest.strip()) for word, rest in pairs]


def the(word: str) -> str:
    """The rest of the last instruction of a kind."""
    return [rest for name, rest in instructions() if name == word][-1]


def test_the_dockerfile_has_known_instructions_in_an_order_that_builds() -> None:
    words = [word for word, _ in instructions()]
    known = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE"}
    assert set(words) <= known | {"STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert words[:2] == ["ARG", "FROM"]
    assert words.count("FROM") == 2, "what builds is not what runs"
    assert words.index("USER") > max(n for n, word in enumerate(words) if word in ("RUN", "COPY"))


def test_the_image_copies_only_what_the_checkout_has_and_the_builder_is_given() -> None:
    given = {line[1:] for line in read("Dockerfile.dockerignore").splitlines() if line[:1] == "!"}
    assert "\n*\n" in read("Dockerfile.dockerignore"), "nothing else is given"
    for rest in (rest for word, rest in instructions() if word == "COPY" and "--from" not in rest):
        for source in rest.split()[:-1]:
            assert (TOP / source).exists()
            assert source in given


def test_the_image_installs_wheels_of_an_extra_without_tensorflow_and_torch() -> None:
    installs = [rest for word, rest in instructions() if word == "RUN" and "pip install" in rest]
    assert len(installs) == 1
    assert "--only-binary=:all:" in installs[0]
    assert "--constraint constraints.txt" in installs[0]
    (extras,) = re.findall(r"'sonant\[(.*?)\]'", installs[0])
    for requirement in requirements(extras.split(",")):
        assert not re.match(r"(torch|tensorflow|keras|tensorboard)", requirement), requirement


def requirements(extras: Iterable[str]) -> set[str]:
    """What an installation of sonant with these extras asks for, extras of extras included."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    table = project["optional-dependencies"]
    found = set(project["dependencies"])
    for extra in extras:
        assert extra in table, f"pyproject.toml has no extra '{extra}'"
        for requirement in table[extra]:
            inner = re.fullmatch(r"sonant\[(.*)\]", requirement)
            found |= requirements(inner[1].split(",")) if inner else {requirement}
    return found


def test_the_container_runs_as_nobody_in_particular_and_asks_for_a_token() -> None:
    assert the("USER") == f"{USER}:{USER}"
    assert the("STOPSIGNAL") == "SIGTERM"
    assert as_list(the("ENTRYPOINT")) == ["sonant", "serve"]
    models, *rest = as_list(the("CMD"))
    assert models == the("VOLUME")
    given = flags(rest)
    check_exposed(given)
    assert {int(one.removesuffix("/tcp")) for one in the("EXPOSE").split()} == ports(given)


def test_the_health_check_asks_whether_the_models_answer() -> None:
    rest = the("HEALTHCHECK")
    (url,) = re.findall(r"'(http://.*?)'", rest)
    assert url == f"http://127.0.0.1:{FLAGS['rest_api_port'].default}/v2/health/ready"
    options = dict(re.findall(r"--([a-z-]+)=(\d+)", rest))
    assert set(options) == {"interval", "timeout", "start-period", "retries"}
    compile(as_list(rest.partition("CMD")[2])[2], "HEALTHCHECK", "exec")


def as_list(rest: str) -> list[str]:
    """The JSON form of an instruction, which needs no shell and so gets the signals itself."""
    found: list[str] = yaml.safe_load(rest)
    assert isinstance(found, list), f"not a list: {rest}"
    return found


# --- compose.yaml -------------------------------------------------------------------------------


def composed() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(read("compose.yaml"))
    return found


@pytest.mark.parametrize("name", ["sonant", "wyoming"])
def test_a_composed_service_is_contained_and_has_time_to_drain(name: str) -> None:
    service = composed()["services"][name]
    known = {"image", "build", "command", "ports", "volumes", "secrets", "stop_grace_period"}
    known |= {"restart", "read_only", "tmpfs", "cap_drop", "security_opt", "ulimits", "mem_limit"}
    assert set(service) <= known | {"profiles", "healthcheck"}
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(volume.endswith(":ro") for volume in service["volumes"])
    models, *rest = service["command"]
    assert f":{models}:" in service["volumes"][0]
    given = flags(rest)
    assert seconds(service["stop_grace_period"]) >= float(given["grace_seconds"]) + MARGIN_S
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("name", ["sonant", "wyoming"])
def test_a_composed_service_publishes_what_it_listens_on(name: str) -> None:
    service = composed()["services"][name]
    given = flags(service["command"][1:])
    check_exposed(given)
    published = [mapping.rsplit(":", 2) for mapping in service["ports"]]
    assert {int(parts[-1]) for parts in published} == ports(given)
    if "token_file" in given:
        assert {parts[0] for parts in published} == {"127.0.0.1"}, "open, without being asked to"


def test_the_composed_token_is_where_the_flag_looks() -> None:
    config = composed()
    service = config["services"]["sonant"]
    (secret,) = service["secrets"]
    assert flags(service["command"][1:])["token_file"] == f"/run/secrets/{secret}"
    assert set(config["secrets"]) == {secret}


def test_the_wyoming_service_is_healthy_when_its_port_is_open() -> None:
    service = composed()["services"]["wyoming"]
    assert f"{FLAGS['wyoming_port'].default}" in service["healthcheck"]["test"][-1]
    assert service["profiles"] == ["wyoming"], "only when asked for"


# --- sonant.service -----------------------------------------------------------------------------


def unit() -> dict[str, dict[str, list[str]]]:
    """Section -> key -> values in order."""
    found: dict[str, dict[str, list[str]]] = {}
    for line in read("sonant.service").replace("\\\n", " ").splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return found


def test_the_unit_starts_the_server_and_gives_it_time_to_drain() -> None:
    service = unit()["Service"]
    (start,) = service["ExecStart"]
    program, verb, models, *rest = shlex.split(start)
    assert (Path(program).name, verb) == ("sonant", "serve")
    assert models.startswith("/srv/"), "ProtectHome hides the homes"
    given = flags(rest)
    check_exposed(given)
    assert given["token_file"] == "%d/" + service["LoadCredential"][0].partition(":")[0]
    assert service["KillSignal"] == ["SIGTERM"]
    assert float(service["TimeoutStopSec"][0]) >= float(given["grace_seconds"]) + MARGIN_S
    assert service["Restart"] == ["on-failure"]


def test_the_unit_is_good_for_nothing_but_serving() -> None:
    service = unit()["Service"]
    assert service["ProtectSystem"] == ["strict"]
    assert service["CapabilityBoundingSet"] == [""]
    for key in ("DynamicUser", "NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices"):
        assert service[key] == ["yes"], key


def test_systemd_itself_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    written = tmp_path / "sonant.service"
    # The program is not installed there on this machine; all else is as it is.
    written.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", read("sonant.service")))
    verified = subprocess.run(
        [analyze, "verify", "--man=no", str(written)], capture_output=True, text=True, check=False
    )
    if "Failed to" in verified.stderr and "sonant.service" not in verified.stderr:
        pytest.skip(f"systemd-analyze cannot run here: {verified.stderr.strip()}")
    assert (verified.returncode, verified.stderr) == (0, "")


# --- kubernetes.yaml ----------------------------------------------------------------------------


def manifests() -> dict[str, dict[str, Any]]:
    return {document["kind"]: document for document in yaml.safe_load_all(read("kubernetes.yaml"))}


def pod() -> dict[str, Any]:
    found: dict[str, Any] = manifests()["Deployment"]["spec"]["template"]["spec"]
    return found


def test_the_manifests_are_of_versions_that_clusters_have_and_belong_together() -> None:
    assert {kind: document["apiVersion"] for kind, document in manifests().items()} == {
        "PersistentVolumeClaim": "v1",
        "Deployment": "apps/v1",
        "Service": "v1",
        "PodDisruptionBudget": "policy/v1",
        "HorizontalPodAutoscaler": "autoscaling/v2",
    }
    for kind, document in manifests().items():
        assert set(document) == {"apiVersion", "kind", "metadata", "spec"}, kind
        assert document["metadata"]["labels"] == {"app": "sonant"}, kind
    deployment = manifests()["Deployment"]
    assert deployment["spec"]["selector"]["matchLabels"] == {"app": "sonant"}
    assert deployment["spec"]["template"]["metadata"]["labels"] == {"app": "sonant"}
    assert manifests()["Service"]["spec"]["selector"] == {"app": "sonant"}
    target = manifests()["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])


def test_the_pod_has_ports_and_mounts_as_its_flags_say() -> None:
    (container,) = pod()["containers"]
    models, *rest = container["args"]
    given = flags(rest)
    check_exposed(given)
    named = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert named == {"http": port(given, "rest_api_port"), "grpc": port(given, "port")}
    for one in manifests()["Service"]["spec"]["ports"]:
        assert one["port"] == named[one["targetPort"]]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod()["volumes"]}
    assert mounts["models"]["mountPath"] == models
    assert Path(given["token_file"]).parent == Path(mounts["token"]["mountPath"])
    assert mounts["models"]["readOnly"] is mounts["token"]["readOnly"] is True
    assert int(given["inference_threads"]) == int(container["resources"]["limits"]["cpu"])


def test_the_probes_ask_what_they_are_for() -> None:
    (container,) = pod()["containers"]
    probes = {name: container[f"{name}Probe"] for name in ("startup", "readiness", "liveness")}
    asked = {name: probe["httpGet"]["path"] for name, probe in probes.items()}
    assert set(asked.values()) <= PROBED
    assert asked["readiness"].endswith("ready")
    # A model that does not load is no reason to start again and again.
    assert asked["startup"].endswith("live")
    assert asked["liveness"].endswith("live")
    for probe in probes.values():
        assert probe["httpGet"]["port"] == "http"
        assert probe["timeoutSeconds"] <= probe["periodSeconds"]


def test_the_pod_has_time_to_drain() -> None:
    (container,) = pod()["containers"]
    given = flags(container["args"][1:])
    program, slept_s = container["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    needed_s = float(slept_s) + float(given["grace_seconds"]) + MARGIN_S
    assert pod()["terminationGracePeriodSeconds"] >= needed_s


def test_the_pod_is_good_for_nothing_but_serving() -> None:
    context = pod()["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == USER
    assert pod()["automountServiceAccountToken"] is False
    own = pod()["containers"][0]["securityContext"]
    assert own["allowPrivilegeEscalation"] is False
    assert own["readOnlyRootFilesystem"] is True
    assert own["capabilities"] == {"drop": ["ALL"]}


# --- README.md ----------------------------------------------------------------------------------


def test_the_page_names_only_flags_ports_and_files_that_there_are() -> None:
    page = read("README.md")
    others = {"read-only", "cap-drop", "rm", "only-binary", "from-file", "profile", "build", "now"}
    named = set(re.findall(r"--([a-z][a-z_-]+)", page)) - others - {"health-cmd"}
    assert named <= set(FLAGS), named - set(FLAGS)
    assert set(re.findall(r"\d{4,5}:(\d{4,5})", page)) == {"8501", "8500"}
    for name in re.findall(r"`(?:deploy/)?([\w.]+\.(?:yaml|service))`", page):
        assert (DEPLOY / name).is_file()
