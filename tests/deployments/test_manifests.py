"""What runs sijill on several machines: each file, command, option and variable that it names must be there."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from prefect.settings.legacy import _get_settings_fields
from prefect.settings.models.root import Settings
from prefect.utilities.templating import apply_values, find_placeholders

from sijill.flows.orchestration.plan import make_plan
from sijill.flows.settings import PrefectSection

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENTS = ROOT / "deployments"
KUBERNETES = DEPLOYMENTS / "kubernetes"
BIN = Path(sys.executable).parent
EXAMPLE = re.compile(r"^([A-Z_]+)=(.*)$", re.MULTILINE)
OF_BOTO = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOYMENTS / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def services(compose):
    own = dict(compose["services"])
    extended = own["s3"]["extends"]
    there = DEPLOYMENTS / extended["file"]
    other = yaml.safe_load(there.read_text(encoding="utf-8"))["services"][extended["service"]]
    assert (there.parent / other["build"]).joinpath("Dockerfile").is_file()
    del own["s3"]
    return own


@pytest.fixture(scope="module")
def worker():
    return yaml.safe_load((KUBERNETES / "worker.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def template():
    return json.loads((KUBERNETES / "base-job-template.json").read_text(encoding="utf-8"))


def pod_of_template(template):
    return template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]


def check_command(command):
    """A command of ours or of Prefect, with options that it has."""
    program, *rest = command
    words = [word for word in rest[: 1 if program == "sijill" else 2] if not word.startswith("-")]
    done = subprocess.run([BIN / program, *words, "--help"], capture_output=True, text=True, check=True)
    for option in (word for word in rest if word.startswith("--")):
        assert option in done.stdout, f"{program} {' '.join(words)} has no {option}"


def check_variables(names):
    """Variables that Prefect, boto3 or we read."""
    known = set(_get_settings_fields(Settings))
    ours = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "flows").rglob("*.py"))
    for name in names:
        if name.startswith("PREFECT_"):
            assert name in known, name
        elif name.startswith("SIJILL_"):
            assert f'"{name}"' in ours, name
        else:
            assert name in OF_BOTO, name


def test_each_command_and_variable_of_the_services_is_one_that_is_read(services):
    for name, service in services.items():
        if name == "postgres":
            continue
        check_command(service["command"])
        check_variables(service["environment"])


def test_an_image_is_built_of_files_that_are_there_and_are_sent(services):
    build = services["worker"]["build"]
    assert (DEPLOYMENTS / build["context"]).resolve() == ROOT
    text = (ROOT / build["dockerfile"]).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = text.splitlines()
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"}
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    names = {name for line in copied for name in line}
    assert names == sent
    assert all((ROOT / name).exists() for name in names)
    assert {line.split()[1] for line in lines if line.startswith("FROM ")} == {"debian:12-slim"}
    [installed] = [line for line in lines if "--require-hashes" in line]
    assert '-r "$LOCK"' in installed
    assert "ARG LOCK=requirements.lock" in lines
    [user] = [line for line in lines if line.startswith("USER ")]
    assert user == "USER 10001:10001"
    assert lines.index(user) > max(lines.index(line) for line in lines if line.startswith(("RUN", "COPY")))
    [command] = [json.loads(line.removeprefix("CMD ")) for line in lines if line.startswith("CMD ")]
    check_command(command)


def test_secrets_come_from_the_env_file_and_are_in_no_file(compose, services):
    text = (DEPLOYMENTS / "compose.yaml").read_text(encoding="utf-8")
    example = dict(EXAMPLE.findall((DEPLOYMENTS / "compose.env.example").read_text(encoding="utf-8")))
    used = re.findall(r"\$\{([A-Z_]+)(:[?-][^}]*)?\}", text)
    assert {name for name, _ in used} == set(example)
    for name, otherwise in used:
        assert otherwise.startswith(":?") or example[name], f"{name} may be left out without a word"
    assert {name for name, value in example.items() if value} == {"SIJILL_WORKERS"}
    for service in services.values():
        for name, value in service["environment"].items():
            if re.search(r"PASSWORD|SECRET|KEY|AUTH|CONNECTION", name):
                assert "${" in value, name
    assert "/deployments/compose.env\n" in (ROOT / ".gitignore").read_text(encoding="utf-8")


def test_services_can_do_no_more_than_they_must(compose, services):
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
    assert {name for name, one in services.items() if "cap_add" in one} == {"postgres"}
    assert services["postgres"]["networks"] == ["inside"]
    assert compose["networks"]["inside"] == {"internal": True}
    [archive, work] = services["worker"]["volumes"]
    assert (archive["target"], archive["read_only"]) == ("/archive", True)
    assert work["target"] == "/archive/work"
    assert "read_only" not in work


def test_services_wait_for_what_they_need(services):
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], f"{name} waits for {needed}"
            else:
                assert services[needed]["restart"] == "no", f"{name} waits for the end of {needed}"


def test_a_pod_mounts_what_it_has_and_names_what_the_readme_makes(worker, template):
    readme = (KUBERNETES / "README.md").read_text(encoding="utf-8")
    made = set(re.findall(r"create (?:configmap|secret generic) (\S+)", readme))
    assert set(re.findall(r"deployments/kubernetes/([\w.-]+)", readme)) < {path.name for path in KUBERNETES.iterdir()}
    pods = (worker["spec"]["template"]["spec"], pod_of_template(template))
    assert pods[0]["volumes"] == pods[1]["volumes"]
    for pod in pods:
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        containers = pod["initContainers"] + pod["containers"]
        mounted = {mount["name"] for one in containers for mount in one["volumeMounts"]}
        assert mounted == set(volumes)
        named = {one["configMap"]["name"] for one in volumes.values() if "configMap" in one}
        named |= {one["secret"]["secretName"] for one in volumes.values() if "secret" in one}
        named |= {source["secretRef"]["name"] for one in pod["containers"] for source in one["envFrom"]}
        assert named == made
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        for one in containers:
            security = one["securityContext"]
            assert security["readOnlyRootFilesystem"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert not security["allowPrivilegeEscalation"]


def test_the_worker_runs_a_command_that_there_is(worker):
    [container] = worker["spec"]["template"]["spec"]["containers"]
    check_command(container["command"])
    check_variables(item["name"] for item in container["env"])
    secret = re.search(r"Secret sijill-environment has: ([A-Z_, ]+)", (KUBERNETES / "worker.yaml").read_text("utf-8"))
    check_variables(secret[1].split(", "))
    labels = worker["spec"]["template"]["metadata"]["labels"]
    assert worker["spec"]["selector"]["matchLabels"] == labels
    policy = yaml.safe_load((KUBERNETES / "network-policy.yaml").read_text(encoding="utf-8"))
    assert policy["spec"]["podSelector"]["matchLabels"] == labels
    assert policy["spec"]["ingress"] == []


def test_the_job_template_takes_what_our_deployments_set_and_leaves_nothing_open(template):
    variables = template["variables"]
    jsonschema.Draft202012Validator.check_schema(variables)
    values = {name: one["default"] for name, one in variables["properties"].items()}
    jsonschema.validate(values, variables)
    named = {placeholder.name for placeholder in find_placeholders(template["job_configuration"])}
    assert named == set(variables["properties"])
    for deployment in make_plan(PrefectSection(), ()).deployments:
        assert set(deployment.job_variables) <= named
        values |= deployment.job_variables
        jsonschema.validate(values, variables)
    job = apply_values(template["job_configuration"], values)
    assert "{{" not in json.dumps(job)
    [container] = job["job_manifest"]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == "python -m prefect.engine"
    assert container["env"]["PREFECT_LOGGING_EXTRA_LOGGERS"] == "sijill"
