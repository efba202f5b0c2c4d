//! Every order of steps gives the same list and focus as a list that is made anew each time.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Add { time: i64, name: u8, size: usize },
    Touch { which: usize, time: i64 },
    Mark(usize),
    Remove(usize),
    Filter(Option<u8>),
    Order(usize),
    Reverse(bool),
    MarkedOnly(bool),
    Focus(i64),
    Follow(bool),
    ClearUnmarked,
}

/// What the store is compared with.
#[derive(Default)]
struct Model {
    flows: Vec<Flow>,
    filter: Option<u8>,
    order: Order,
    reversed: bool,
    marked_only: bool,
    focus: Option<Id>,
    follow: bool,
}

fn name(number: u8) -> String {
    format!("p{}", number % 5)
}

impl Model {
    fn shown(&self) -> Vec<Id> {
        self.listed(|flow| self.shows(flow))
    }

    fn listed(&self, wanted: impl Fn(&Flow) -> bool) -> Vec<Id> {
        let mut shown: Vec<(usize, &Flow)> = self.flows.iter().enumerate().collect();
        shown.retain(|(_, flow)| wanted(flow));
        shown.sort_by_key(|(at, flow)| (self.order.key(flow), *at));
        if self.reversed {
            shown.reverse();
        }
        shown.iter().map(|(_, flow)| id(flow)).collect()
    }

    fn shows(&self, flow: &Flow) -> bool {
        let path = &flow.as_http().unwrap().request.path;
        let passes = self.filter.is_none_or(|n| path[1..] == *name(n).as_bytes());
        passes && (!self.marked_only || !flow.info().marked.is_empty())
    }

    /// A flow left the list, or the list was made anew: the focus goes to what followed it before, shown or not.
    fn refocus(&mut self, before: &[Id]) {
        let now = self.shown();
        let Some(focus) = &self.focus else {
            self.focus = now.first().cloned();
            return;
        };
        if now.contains(focus) {
            return;
        }
        let place = before.iter().position(|id| id == focus).unwrap();
        let follower = before[place..].iter().find(|id| now.contains(id));
        self.focus = follower.or(now.last()).cloned();
    }

    fn appeared(&mut self, id: &Id, before: &[Id]) {
        let now = self.shown();
        let appears = now.contains(id) && !before.contains(id);
        if now.contains(id) && (self.focus.is_none() || (appears && self.follow)) {
            self.focus = Some(id.clone());
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let some = 0_usize..40;
    prop_oneof![
        6 => (0_i64..20, any::<u8>(), 0_usize..4)
            .prop_map(|(time, name, size)| Step::Add { time, name, size }),
        3 => (some.clone(), 0_i64..20).prop_map(|(which, time)| Step::Touch { which, time }),
        2 => some.clone().prop_map(Step::Mark),
        2 => some.prop_map(Step::Remove),
        1 => proptest::option::of(any::<u8>()).prop_map(Step::Filter),
        1 => (0_usize..4).prop_map(Step::Order),
        1 => any::<bool>().prop_map(Step::Reverse),
        1 => any::<bool>().prop_map(Step::MarkedOnly),
        2 => (-9_i64..9).prop_map(Step::Focus),
        1 => any::<bool>().prop_map(Step::Follow),
        1 => Just(Step::ClearUnmarked),
    ]
}

/// One flow was changed in both.
fn edit(store: &Store, model: &mut Model, which: usize, change: impl Fn(&mut Flow)) {
    if model.flows.is_empty() {
        return;
    }
    let before = model.shown();
    let all = model.listed(|_| true);
    let at = which % model.flows.len();
    change(&mut model.flows[at]);
    let changed = id(&model.flows[at]);
    store.edit(&changed, &change);
    if model.focus.as_ref() == Some(&changed) {
        model.refocus(&all);
    }
    model.appeared(&changed, &before);
}

fn run(store: &Store, model: &mut Model, step: &Step) {
    let before = model.shown();
    let all = model.listed(|_| true);
    match *step {
        Step::Add {
            time,
            name: n,
            size,
        } => {
            let method = if n > 100 { "GET" } else { "POST" };
            let flow = flow(time, method, &name(n), size);
            let added = id(&flow);
            store.add(flow.clone());
            model.flows.push(flow);
            model.appeared(&added, &before);
        }
        Step::Touch { which, time } => edit(store, model, which, |flow| {
            flow.info_mut().timestamp_created = Number::Int(time);
        }),
        Step::Mark(which) => edit(store, model, which, |flow| {
            let marked = &mut flow.info_mut().marked;
            *marked = if marked.is_empty() { "x" } else { "" }.to_owned();
        }),
        Step::Remove(which) => {
            if !model.flows.is_empty() {
                let gone = id(&model.flows.remove(which % model.flows.len()));
                store.remove([&gone]);
                if model.focus.as_ref() == Some(&gone) {
                    model.refocus(&all);
                }
            }
        }
        Step::Filter(filter) => {
            let expression = filter.map(|n| Filter::parse(&format!("~u /{}$", name(n))).unwrap());
            store.set_filter(expression.as_ref());
            model.filter = filter;
            model.refocus(&all);
        }
        Step::Order(order) => {
            let (_, order) = Order::ALL[order];
            store.set_order(order);
            model.order = order;
            let after = model.shown();
            model.refocus(&after);
        }
        Step::Reverse(reversed) => {
            store.set_reversed(reversed);
            model.reversed = reversed;
        }
        Step::MarkedOnly(marked_only) => {
            store.set_marked_only(marked_only);
            model.marked_only = marked_only;
            model.refocus(&all);
        }
        Step::Focus(row) => {
            store.focus_go(row);
            let last = before.len() as i64 - 1;
            let row = if row < 0 {
                before.len() as i64 + row
            } else {
                row
            };
            if last >= 0 {
                model.focus = Some(before[row.clamp(0, last) as usize].clone());
            }
        }
        Step::Follow(follow) => {
            store.set_follow(follow);
            model.follow = follow;
        }
        Step::ClearUnmarked => {
            store.clear_unmarked();
            model.flows.retain(|flow| !flow.info().marked.is_empty());
            model.refocus(&all);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn list_and_focus_are_those_of_the_model(steps in proptest::collection::vec(step(), 1..60)) {
        let store = Store::new();
        let mut model = Model::default();
        for step in steps {
            run(&store, &mut model, &step);
            let shown = model.shown();
            let rows: Vec<Id> = store.rows(0, usize::MAX).iter().map(|flow| id(flow)).collect();
            prop_assert_eq!(&rows, &shown, "{:?}", step);
            prop_assert_eq!(store.focus().map(|flow| id(&flow)), model.focus.clone(), "{:?}", step);
            for (row, id) in shown.iter().enumerate() {
                prop_assert_eq!(store.row_of(id), Some(row));
            }
            let hidden = store.resolve("@hidden").unwrap().len();
            prop_assert_eq!(hidden + shown.len(), model.flows.len());
        }
    }
}
