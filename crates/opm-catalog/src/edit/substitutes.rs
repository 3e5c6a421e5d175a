//! `olm.substitutesFor`: a bundle that stands in for another one takes its place in the graph.

use std::cmp::Ordering;

use opm_model::Version;
use opm_model::edit::{Refusal, Seen};

use super::EditError;
use super::graph::{Graph, Node};

impl Graph {
    /// Rewrites the edges around a bundle that was just added: those of the bundles that replaced what it stands in for,
    /// those of the substitutes before and after it, and its own.
    pub(super) fn substitute(&mut self, name: &str) -> Result<(), EditError> {
        if !self.base_of(name).is_empty() {
            self.take_place(name)?;
        }
        let Some(node) = self.nodes.get(name) else { return Ok(()) };
        let mut own = node.own.clone();

        // What it stands in for, and what that stands in for, is skipped.
        let mut seen = Seen::from(name);
        let mut below = self.base_of(name);
        while !below.is_empty() {
            seen.visit(&below)?;
            own.skips.push(below.clone());
            below = self.base_of(&below);
        }

        // Later substitutes skip all that it skips, and itself. A fork among them leaves its own edges as they are.
        let mut seen = Seen::from(name);
        let mut above = self.substitutes_of(name);
        while let [later] = &above[..] {
            seen.visit(later)?;
            let skips = own.skips.iter().chain([&own.name]).filter(|skip| *skip != later);
            self.skip_also(later, &skips.cloned().collect::<Vec<_>>());
            above = self.substitutes_of(later);
        }
        if above.len() > 1 {
            return Ok(());
        }

        // Whoever skips a bundle also skips its substitutes.
        let mut expanded = Vec::new();
        for skipped in &own.skips {
            expanded.push(skipped.clone());
            let mut seen = Seen::from(skipped);
            let mut substitutes = self.substitutes_of(skipped);
            while let Some(substitute) = substitutes.first().filter(|s| *s != name).cloned() {
                seen.visit(&substitute)?;
                substitutes = self.substitutes_of(&substitute);
                expanded.push(substitute);
            }
        }
        own.skips = expanded;

        // And whoever replaces a bundle replaces its last substitute.
        let mut seen = Seen::from(name);
        while let Some(substitute) = self.substitutes_of(&own.replaces).into_iter().next().filter(|s| s != name) {
            seen.visit(&substitute)?;
            own.replaces = substitute;
        }
        if let Some(node) = self.nodes.get_mut(name) {
            node.own = own;
        }
        Ok(())
    }

    /// Puts a substitute at its place among all that stand in for the same bundle, by version.
    fn take_place(&mut self, name: &str) -> Result<(), EditError> {
        let base = self.base_of(name);
        let own_skips = self.nodes.get(name).map(|node| node.own.skips.clone()).unwrap_or_default();
        let mut seen = Seen::from(name);
        let mut candidates: Vec<String> = self.substitutes_of(&base).into_iter().filter(|s| s != name).collect();
        let mut latest = base.clone();
        let mut is_last = true;
        while let Some(other) = candidates.pop() {
            seen.visit(&other)?;
            match self.compare(name, &other)? {
                Ordering::Equal => return Err(Refusal::SubstitutionTie(other, name.to_owned()).into()),
                Ordering::Greater => {
                    // An older substitute: this one now stands in for it.
                    candidates.extend(self.substitutes_of(&other).into_iter().filter(|s| s != name));
                    self.stand_in(name, &other);
                    latest = other;
                }
                Ordering::Less => {
                    is_last = false;
                    let skips: Vec<String> = own_skips.iter().cloned().chain([name.to_owned()]).collect();
                    self.skip_also(&other, &skips);
                    self.stand_in(&other, name);
                }
            }
        }
        if is_last {
            // Those who replaced the original, or the last substitute before this one, replace this one now.
            for (_, node) in self.nodes.iter_mut().filter(|(other, _)| *other != name) {
                for entry in node.edges_mut().filter(|entry| entry.replaces == base || entry.replaces == latest) {
                    name.clone_into(&mut entry.replaces);
                }
            }
        }
        Ok(())
    }

    /// Brings bundles that stand in for the same one into the order of their versions, each standing in for the one before.
    pub(super) fn order_substitutes(&mut self) -> Result<(), EditError> {
        // Each round settles one bundle at the least.
        for _ in 0..self.order.len() {
            let fork = self.order.iter().map(|name| self.substitutes_of(name)).find(|all| all.len() > 1);
            let Some(mut siblings) = fork else { return Ok(()) };
            let mut fault = None;
            siblings.sort_by(|a, b| {
                self.compare(a, b).unwrap_or_else(|error| {
                    fault.get_or_insert(error);
                    Ordering::Equal
                })
            });
            fault.map_or(Ok(()), Err)?;
            for pair in siblings.windows(2) {
                self.stand_in(&pair[1], &pair[0]);
            }
        }
        Ok(())
    }

    fn base_of(&self, name: &str) -> String {
        self.nodes.get(name).map(|node| node.substitutes_for.clone()).unwrap_or_default()
    }

    fn stand_in(&mut self, name: &str, base: &str) {
        if let Some(node) = self.nodes.get_mut(name) {
            base.clone_into(&mut node.substitutes_for);
        }
    }

    fn skip_also(&mut self, name: &str, skips: &[String]) {
        for entry in self.nodes.get_mut(name).into_iter().flat_map(Node::edges_mut) {
            entry.skips.extend_from_slice(skips);
        }
    }

    /// The names of the bundles that stand in for this one, in the order in which they came.
    fn substitutes_of(&self, name: &str) -> Vec<String> {
        if name.is_empty() {
            return Vec::new();
        }
        let is_substitute = |other: &&String| self.nodes.get(*other).is_some_and(|node| node.substitutes_for == name);
        self.order.iter().filter(is_substitute).cloned().collect()
    }

    fn compare(&self, one: &str, other: &str) -> Result<Ordering, EditError> {
        let version = |name: &str| {
            let text = self.nodes.get(name).map(|node| node.version.as_str()).unwrap_or_default();
            Version::parse(text).map_err(|source| Refusal::Version { bundle: name.to_owned(), source })
        };
        let order = version(one)?.cmp_with_build(&version(other)?);
        Ok(order.map_err(|source| Refusal::Version { bundle: one.to_owned(), source })?)
    }
}
