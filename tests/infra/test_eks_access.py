"""Access entries: each function that looks at targets may look into the named namespaces, FIS's role is known, and nobody else is."""

from __future__ import annotations

from typing import Any

import pytest

from infra.permissions.eks_access import INVENTORY_READERS, fis_user_name
from infra.settings import SettingsError, read_context
from tests.infra.conftest import make
from tests.infra.template import Resources


def entries(stack: Resources) -> list[dict[str, Any]]:
    return list(stack.of_type("AWS::EKS::AccessEntry").values())


def test_without_the_setting_nobody_is_let_in(stack: Resources) -> None:
    assert entries(stack) == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return entries(make(tmp_path_factory.mktemp("cdk"), eks_namespaces="main/shop,main/pay,other/web"))


def test_every_function_that_looks_at_targets_may_look_into_the_namespaces_and_nowhere_else(made: list[dict[str, Any]]) -> None:
    readers = [entry for entry in made if "AccessPolicies" in entry]
    assert len(readers) == 2 * len(INVENTORY_READERS)
    assert {"Discover", "FinalCheck", "VerifyRollback", "WatchRecovery"} <= set(INVENTORY_READERS)
    for reader in readers:
        (policy,) = reader["AccessPolicies"]
        assert str(policy["PolicyArn"]).count("AmazonEKSViewPolicy") == 1
        wanted = {"main": ["pay", "shop"], "other": ["web"]}[reader["ClusterName"]]
        assert policy["AccessScope"] == {"Type": "namespace", "Namespaces": wanted}
        assert "Username" not in reader
        assert reader["KubernetesGroups"] == ["squall-readers"], "a RoleBinding may show it custom resources"


def test_only_environments_with_a_service_account_have_a_fis_role_that_clusters_know(made: list[dict[str, Any]]) -> None:
    known = [entry for entry in made if "AccessPolicies" not in entry]
    assert [(item["ClusterName"], item["Username"]) for item in known] == [
        ("main", fis_user_name("staging")),
        ("other", fis_user_name("staging")),
    ]
    assert all("KubernetesGroups" not in entry for entry in known), "what it may do, a RoleBinding says"


@pytest.mark.parametrize("wrong", ["main", "main/", "/shop", "main/Shop", "main/a/b"])
def test_what_names_no_namespace_of_a_cluster_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="eks_namespaces"):
        read_context({"eks_namespaces": wrong})
