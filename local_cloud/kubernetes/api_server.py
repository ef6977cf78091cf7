"""A real Kubernetes API server on loopback, as a client sees it: discovery, server-side apply, deletion, errors.

`make up cluster=real` starts one and writes ``api-server/connection.json`` into the folder of the local cloud; where
that file is missing the stand-in judges manifests by itself. Sources: Kubernetes documentation, "Server-Side Apply",
"API Concepts" (dry-run, aggregated discovery), "Object deletion".
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from local_cloud.plugin import Refused

_DISCOVERY: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_APPLY: Final = "application/apply-patch+yaml"  # JSON is YAML
_MERGE: Final = "application/merge-patch+json"
_SECONDS: Final = 30.0
_SETTLING_SECONDS: Final = 20.0
"""How long a new CustomResourceDefinition may take until its kind is served (a second, usually)."""
_POLL_SECONDS: Final = 0.05

Object = dict[str, Any]


class AnswerError(Refused):
    """The API server refused: ``str()`` is its own message, ``causes`` what it says about single fields."""

    def __init__(self, code: int, status: Mapping[str, Any]) -> None:
        super().__init__(str(status.get("message") or f"HTTP {code}"))
        self.code = code
        self.reason = str(status.get("reason") or "")
        details = status.get("details") or {}
        self.causes: list[tuple[str, str]] = [
            (str(cause.get("field") or ""), str(cause.get("message") or "")) for cause in details.get("causes") or ()
        ]


@dataclass(frozen=True)
class Resource:
    """One kind as the server's discovery names it."""

    api: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]
    subresources: frozenset[str]

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, of an object or of its subresource."""
        root = f"/apis/{self.api}" if "/" in self.api else f"/api/{self.api}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return "".join((root, scope, f"/{self.plural}", *(f"/{part}" for part in (name, subresource) if part)))


class Server:
    """The API server; safe for threads."""

    def __init__(self, given: Mapping[str, str]) -> None:
        """``given``: what ``mirror.connection`` returns."""
        self.url = given["url"]
        self.started = given.get("started", "")
        self._known: dict[tuple[str, str], Resource] = {}
        self._http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {given['token']}"},
            verify=ssl.create_default_context(cadata=given["ca"]),
            timeout=_SECONDS,
            trust_env=False,  # a proxy cannot reach this machine's loopback
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def ready(self) -> bool:
        """Whether it answers and has started up."""
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def call(
        self, method: str, path: str, *, body: Any = None, kind: str = "application/json", **query: str
    ) -> Object | None:
        """One request; None for 404. Raises ``AnswerError`` for what is refused, ``Refused`` when nothing answers."""
        content = None if body is None else json.dumps(body)
        headers = {} if content is None else {"Content-Type": kind}
        answer = self._answer(method, path, content=content, headers=headers, params=query)
        if answer.status_code == httpx.codes.NOT_FOUND and method in {"GET", "DELETE"}:
            return None
        if answer.is_error:
            raise AnswerError(answer.status_code, _status(answer))
        found: Object = answer.json()
        return found

    def _answer(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise Refused(
                f"the Kubernetes API server of the local cloud does not answer at {self.url} ({error}); "
                "`make up` starts it again"
            ) from None

    # Discovery

    def find(self, api: str, kind: str) -> Resource | None:
        """The resource of a kind, None when the server does not serve it (asked anew each time it is missing)."""
        if (api, kind) not in self._known:
            self._known = {(each.api, each.kind): each for each in self._discovered()}
        return self._known.get((api, kind))

    def resources(self) -> list[Resource]:
        """Everything the server serves now."""
        self._known = {(each.api, each.kind): each for each in self._discovered()}
        return list(self._known.values())

    def _discovered(self) -> list[Resource]:
        found = []
        for root in ("/api", "/apis"):
            answer = self._answer("GET", root, headers={"Accept": _DISCOVERY})
            if answer.is_error:
                raise AnswerError(answer.status_code, _status(answer))
            for group in answer.json().get("items") or ():
                name = (group.get("metadata") or {}).get("name") or ""
                for version in group.get("versions") or ():
                    api = f"{name}/{version['version']}" if name else version["version"]
                    found += [_resource(api, each) for each in version.get("resources") or () if "responseKind" in each]
        return found

    def wait_for(self, api: str, kind: str) -> Resource:
        """The resource of a kind whose definition was just written."""
        deadline = time.monotonic() + _SETTLING_SECONDS
        while True:
            found = self.find(api, kind)
            # Discovery may know a kind a moment before its handler does.
            if found is not None and self.call("GET", found.path(""), limit="1") is not None:
                return found
            if time.monotonic() > deadline:
                raise Refused(f"the Kubernetes API server does not serve {kind} of {api} after {_SETTLING_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)

    # Objects

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """One object."""
        return self.call("GET", resource.path(namespace, name))

    def listed(self, resource: Resource, namespace: str = "") -> list[Object]:
        """All objects of a kind (in a namespace)."""
        found = self.call("GET", resource.path(namespace)) or {}
        return list(found.get("items") or ())

    def apply(
        self,
        resource: Resource,
        manifest: Mapping[str, Any],
        *,
        manager: str,
        force: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Server-side apply with strict field validation. ``force``: takes fields over from other managers."""
        metadata = manifest["metadata"]
        path = resource.path(str(metadata.get("namespace") or ""), str(metadata["name"]))
        query = {"fieldManager": manager, "fieldValidation": "Strict", "force": "true" if force else "false"}
        if dry_run:
            query["dryRun"] = "All"
        return self.call("PATCH", path, body=manifest, kind=_APPLY, **query) or {}

    def merge(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        *,
        subresource: str = "",
        manager: str,
    ) -> Object:
        """A JSON merge patch of an object or a subresource."""
        path = resource.path(namespace, name, subresource)
        return self.call("PATCH", path, body=patch, kind=_MERGE, fieldManager=manager) or {}

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Deletes an object in the background, and plays the controllers that would take its finalizers off."""
        self.call("DELETE", resource.path(namespace, name), propagationPolicy="Background")
        left = self.get(resource, namespace, name)
        if left is not None and (left["metadata"].get("finalizers") and left["metadata"].get("deletionTimestamp")):
            try:
                self.merge(resource, namespace, name, {"metadata": {"finalizers": None}}, manager="local-cloud")
            except AnswerError as error:
                if error.code != httpx.codes.NOT_FOUND:
                    raise

    def empty(self, namespace: str) -> None:
        """Deletes everything in a namespace, as the namespace controller does, and then the namespace."""
        for resource in self.resources():
            if resource.namespaced and {"list", "delete"} <= resource.verbs:
                for each in self.listed(resource, namespace):
                    self.delete(resource, namespace, each["metadata"]["name"])
        path = f"/api/v1/namespaces/{namespace}"
        self.call("DELETE", path)
        left = self.call("GET", path)
        if left is not None:
            left["spec"] = {"finalizers": []}
            try:
                self.call("PUT", f"{path}/finalize", body=left)
            except AnswerError as error:
                if error.code not in {httpx.codes.NOT_FOUND, httpx.codes.CONFLICT}:
                    raise


def _status(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {"message": answer.text}
    return found if isinstance(found, Mapping) else {"message": answer.text}


def _resource(api: str, found: Mapping[str, Any]) -> Resource:
    return Resource(
        api,
        found["responseKind"]["kind"],
        found["resource"],
        found.get("scope") == "Namespaced",
        frozenset(found.get("verbs") or ()),
        frozenset(each["subresource"] for each in found.get("subresources") or ()),
    )
