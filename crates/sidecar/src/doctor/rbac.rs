//! The bindings that let the sidecar write in the namespaces of its rules alone.

use crate::config::Loaded;

use super::Who;

/// One RoleBinding for each namespace, as YAML; they take the place of the ClusterRoleBinding of the same name.
#[must_use]
pub fn bindings(loaded: &Loaded, sidecar: &Who) -> String {
    let (account_namespace, account) = match sidecar {
        Who::Account { namespace, name } => (namespace.as_str(), name.as_str()),
        Who::Myself => ("spillway-system", "spillway-sidecar"),
    };
    let binding = |namespace: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: spillway-sidecar-writes
  namespace: {namespace}
  labels: {{app.kubernetes.io/part-of: spillway}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: spillway-sidecar-writes}}
subjects:
- {{kind: ServiceAccount, namespace: {account_namespace}, name: {account}}}
"
        )
    };
    let bindings: Vec<String> = loaded.settings.namespaces().into_iter().map(binding).collect();
    bindings.join("---\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read;

    #[test]
    fn each_namespace_of_a_rule_has_one_binding() {
        let spread = |name: &str, namespace: &str| {
            format!(
                "- name: {name}
  namespace: {namespace}
  targetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}
  subsets: [{{name: a}}]
"
            )
        };
        let spreads = [spread("web", "shop"), spread("db", "shop"), spread("web", "bank")].concat();
        let loaded = read(&format!("spreads:\n{spreads}"), "f").unwrap();
        let text = bindings(&loaded, &Who::Myself);
        let namespaces: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("  namespace: "))
            .collect();
        assert_eq!(namespaces, ["bank", "shop"]);
        assert!(text.contains("{kind: ServiceAccount, namespace: spillway-system, name: spillway-sidecar}"));
        // What the repository shows is what is printed.
        let shown = include_str!("../../../../deploy/writes-by-namespace.yaml");
        let of_shop = text.split("---\n").nth(1).unwrap();
        assert!(shown.contains(of_shop), "{of_shop}");
    }
}
