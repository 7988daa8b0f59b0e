use super::*;

fn listing(tags: &str, more: bool) -> Listing<String> {
    Listing {
        entries: tags.split_whitespace().map(str::to_owned).collect(),
        more,
    }
}

#[test]
fn lists_are_merged_in_order_and_nothing_is_left_out_between_pages() {
    let cases = [
        (vec![("a c", false), ("b c d", false)], 10, "a b c d", false),
        (vec![("a c", false), ("b c d", false)], 3, "a b c", true),
        // The first list goes on behind c, so d has to wait for the next page.
        (vec![("a c", true), ("b d", false)], 10, "a b c", true),
        (vec![("a c", true), ("b d", true)], 2, "a b", true),
        (vec![("", false), ("a", false)], 10, "a", false),
    ];
    for (pages, limit, expected, more) in cases {
        let lists = pages.iter().map(|(tags, more)| listing(tags, *more));
        let merged = merged(lists.collect(), limit);
        assert_eq!(merged.entries.join(" "), expected, "{pages:?}");
        assert_eq!(merged.more, more, "{pages:?}");
    }
}
