use crate::bed::Bed;

#[test]
fn every_shell_and_a_reader_that_has_enough() {
    let bed = Bed::new();
    for shell in ["bash", "fish", "powershell", "zsh"] {
        assert!(bed.opm(&["completion", shell]).ok().stdout.contains("opm"), "{shell}");
    }
    let mut child = bed.command("opm", &["completion", "bash"]);
    let mut child = child.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}
