//! What a failed deed means to its caller: an exit status, and text.

use opm_catalog::edit::EditError;
use opm_model::distinct;
use opm_model::edit::Refusal;
use opm_sqlite::StoreError;

/// Some of what was wanted did not arrive. What did is there, and nothing promises more.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Incomplete(pub(crate) String);

/// The exit status for an error: 2 where an image, and 3 where a CSV, is in the catalog already; else 1. Of several findings
/// the first of these kinds decides. 3 as well where a mirror lacks some images, or an index some packages.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    fn of_refusal(error: &Refusal) -> Option<u8> {
        match error {
            Refusal::ImageAlreadyAdded(_) => Some(2),
            Refusal::CsvAlreadyAdded { .. } => Some(3),
            _ => None,
        }
    }
    fn of(error: &StoreError) -> Option<u8> {
        match error {
            StoreError::Refused(refusal) => of_refusal(refusal),
            StoreError::Many(errors) => errors.iter().find_map(of),
            _ => None,
        }
    }
    fn of_edit(error: &EditError) -> Option<u8> {
        match error {
            EditError::Refused(refusal) => of_refusal(refusal),
            EditError::Many(errors) => errors.iter().find_map(of_edit),
            _ => None,
        }
    }
    let of_cause = |cause: &(dyn std::error::Error + 'static)| {
        if cause.is::<Incomplete>() {
            return Some(3);
        }
        cause.downcast_ref().and_then(of).or_else(|| cause.downcast_ref().and_then(of_edit))
    };
    error.chain().find_map(of_cause).unwrap_or(1)
}

/// The lines that tell of an error: one for each finding, each with its causes after colons.
pub fn report(error: &anyhow::Error) -> Vec<String> {
    let mut context: Vec<String> = Vec::new();
    for cause in error.chain() {
        match cause.downcast_ref::<StoreError>() {
            Some(StoreError::Many(findings)) => {
                let in_context = |text| [&context[..], &[text]].concat().join(": ");
                return distinct(findings).into_iter().map(in_context).collect();
            }
            _ => context.push(cause.to_string()),
        }
    }
    context.join(": ").lines().map(str::to_owned).collect()
}

/// One error whose lines are these.
pub(crate) fn all(findings: Vec<anyhow::Error>) -> anyhow::Error {
    let mut lines: Vec<String> = Vec::new();
    for finding in findings {
        for line in report(&finding) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    anyhow::anyhow!(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn findings_become_lines_and_the_first_one_of_a_kind_the_status() {
        let csv = Refusal::CsvAlreadyAdded {
            package: "p".to_owned(),
            csv: "a".to_owned(),
            channel: "c".to_owned(),
            image: "i".to_owned(),
        };
        let image = Refusal::ImageAlreadyAdded("i".to_owned());
        let unknown = || StoreError::from(Refusal::NoPackage("p".to_owned()));
        assert_eq!(exit_code(&unknown().into()), 1);
        let many = StoreError::Many(vec![unknown(), image.into(), csv.into()]);
        let error = Err::<(), _>(many).context("error updating index.db").unwrap_err();
        assert_eq!(exit_code(&error), 2);
        assert_eq!(report(&error)[0], "error updating index.db: no package found for packagename p");
        assert_eq!(report(&error).len(), 3);
    }
}
