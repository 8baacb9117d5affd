use super::{ALL, Class, Method};

#[test]
fn memorizers_are_listed_by_name_once_with_something_to_answer_from() {
    let names: Vec<_> = ALL.iter().map(|memorizer| memorizer.name).collect();
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
}

#[test]
fn only_the_vote_is_shallow() {
    for memorizer in ALL {
        let combines = matches!(memorizer.method, Method::Vote(_));
        assert_eq!(memorizer.class == Class::Shallow, combines, "{}", memorizer.name);
    }
}
