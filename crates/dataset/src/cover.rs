//! The card above the folders of a dataset that was built at several points of a matrix.

/// Beginning, the part of one point, and end of the card of the dataset `name`, whose points lie in folders like `k=10/loss=all`.
///
/// Its front matter gives `load_dataset` one configuration a point and none by default, so that loading it without naming one fails
/// instead of merging them: what is held out at one point is trained on at another.
#[must_use]
pub fn cover(name: &str, folder: &str) -> [String; 3] {
    let head = "---\nconfigs:\n".to_owned();
    let mut part = format!("- config_name: \"{}\"\n  data_files:\n", folder.replace('/', ","));
    for split in ["train", "validation", "test"] {
        part += &format!("  - split: {split}\n    path: \"{folder}/{split}-*.parquet\"\n");
    }
    let tail = format!(
        "---\n\n# {name}\n\nOne dataset a point of a matrix, each in folders of its own, each with a card of its own. They are never to be read together: \
         what one holds out, another trains on.\n\n```python\nfrom datasets import load_dataset\n\nrows = \
         load_dataset(\"path/of/this/folder\", \"AXIS=VALUE\")\n```\n",
    );
    [head, part, tail]
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_point_is_a_configuration() {
        let [head, part, tail] = super::cover("plus2", "k=10/loss=all");
        assert!(head.starts_with("---\nconfigs:\n") && tail.starts_with("---\n\n# plus2"));
        assert!(part.starts_with("- config_name: \"k=10,loss=all\"\n"), "{part}");
        assert!(part.contains("path: \"k=10/loss=all/test-*.parquet\""), "{part}");
    }
}
