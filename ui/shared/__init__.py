"""What all pages share: state, links, words, cards, colours."""
