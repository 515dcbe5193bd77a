//! Which spread of the settings concerns a pod.

use placement_core::facts::PodHead;
use policy_settings::{SettingsText, SpreadHead};
use rules::{GroupKind, Spread};

use crate::owners::Owners;
use crate::response::Trouble;

/// The spread of a pod.
pub(crate) struct Matched {
    /// Its place in the settings.
    pub(crate) index: usize,
    pub(crate) spread: Spread,
    /// How far above the pod the target is, counted from 0; `None`: pods are chosen by label.
    pub(crate) level: Option<usize>,
}

impl Matched {
    /// The first spread that concerns the pod. Only this one is parsed.
    pub(crate) fn first(
        pod: &PodHead<'_>,
        namespace: &str,
        settings: &SettingsText<'_>,
        owners: &mut Owners<'_>,
    ) -> Result<Option<Self>, Trouble> {
        for (index, head) in in_namespace(settings, namespace) {
            let level = match head.target_ref() {
                None if head.has_selector() => None,
                None => continue,
                Some(target) => {
                    let Some(kind) = GroupKind::of(&target.api_version, &target.kind) else {
                        continue;
                    };
                    match owners.find(&kind, &target.name)? {
                        None => continue,
                        level => level,
                    }
                }
            };
            let spread = settings.spread(index).map_err(|faults| {
                Trouble::Settings(faults.first().map_or_else(String::new, ToString::to_string))
            })?;
            if spread.target().selects(|key| pod.label(key)) {
                return Ok(Some(Self { index, spread, level }));
            }
        }
        Ok(None)
    }
}

/// The spreads of the settings that can concern pods of a namespace, in order.
pub(crate) fn in_namespace<'s, 't>(
    settings: &'s SettingsText<'t>,
    namespace: &'s str,
) -> impl Iterator<Item = (usize, SpreadHead<'s, 't>)> {
    settings
        .heads()
        .filter(move |(_, head)| head.namespace().as_deref() == Some(namespace))
}
