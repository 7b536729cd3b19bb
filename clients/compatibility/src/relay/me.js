/** Only the compiler reads this; Relay's runtime sends `params.id` of the generated artifact. */
export default graphql`
  query meQuery {
    me {
      username
    }
  }
`;
