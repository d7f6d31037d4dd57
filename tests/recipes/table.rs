//! The table in `examples/README.md` lists every example, with the command that its header names.

use std::path::Path;

#[test]
fn every_example_is_in_the_table_with_its_command() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let table = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let mut examples = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        examples += 1;
        let name = path.file_stem().unwrap().to_str().unwrap();
        let row = format!("| [{name}]({name}.rs) |");
        let row = table.lines().find(|line| line.starts_with(&row));
        let command = row.and_then(|row| row.split('`').nth(1));
        let command = command.unwrap_or_else(|| panic!("{name} is not in the table"));
        assert!(command.starts_with(&format!("cargo run --example {name}")));
        let source = std::fs::read_to_string(&path).unwrap();
        let header = source.lines().take_while(|line| line.starts_with("//!"));
        assert!(
            header.clone().any(|line| line.contains(command)),
            "the header of {name} names another command than {command}"
        );
    }
    let rows = table.lines().filter(|line| line.starts_with("| [")).count();
    assert_eq!(rows, examples);
}
