//! The bundled Kodak pictures are all there and are the published ones.

use kiln_datasets::{Dataset, kodak_folder};

#[test]
fn kodak_is_complete_and_unchanged() {
    let kodak = Dataset::kodak(&kodak_folder().unwrap()).unwrap();
    let expected: Vec<String> = (1..=24).map(|number| format!("kodim{number:02}")).collect();
    assert!(kodak.iter().map(|item| &item.name).eq(&expected));
    kodak.verify().unwrap();
}

#[test]
fn as_a_folder_it_is_the_same_list() {
    let folder = kodak_folder().unwrap();
    let (listed, found) = (
        Dataset::kodak(&folder).unwrap(),
        Dataset::folder(&folder).unwrap(),
    );
    assert!(listed.iter().eq(found.iter()));
    assert!(found.has_manifest());
}
